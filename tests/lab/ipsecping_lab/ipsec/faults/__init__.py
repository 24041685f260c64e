"""Faults between the gateways: a table of types, pure functions to commands, and the state in force.

* ``model``: what a fault is, and how the words of the command line become one;
* ``resources``: the things of the guest that faults change (a qdisc, a chain, a route, ...), which compose;
* ``near_side``, ``gateways``, ``between``, ``far_side``: the tables, and all as ``types``;
* ``effects``: what several of them do;
* ``transition``: from the faults in force to those wanted, as commands; and the way back from anything;
* ``injection``: does it, and keeps what is in force in one file in the guest.
"""

from .injection import clear, in_force, inject, stopped_responders

__all__ = ["clear", "in_force", "inject", "stopped_responders"]
