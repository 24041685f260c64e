#!/bin/sh
# First process of the guest. Its root is the machine's file tree, read-only (hostfs); what it sets up is
# data in $lab/boot. lab=DIR on the kernel's command line arrives here as a variable.
export PATH=/usr/sbin:/sbin:/usr/bin:/bin LANG=C HOME=/run
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs tmp /tmp
mount -t tmpfs var /var/tmp
ln -s "$lab" /run/lab

# modprobe looks in /lib/modules, which may not exist and cannot be made on a read-only root
mkdir -p /run/mod/lib/modules
ln -s "/usr/lib/uml/modules/$(uname -r)" /run/mod/lib/modules/
modprobe -d /run/mod -a $(cat "$lab/boot/modules")
# All is loaded; without this every new SA waits for some twenty modprobe processes that find nothing.
echo >/proc/sys/kernel/modprobe

in_namespace() { # NAMESPACE COMMAND...
  namespace=$1
  shift
  if [ "$namespace" = left ]; then "$@"; else nsenter --net="/run/netns/$namespace" "$@"; fi
}
namespaces=$(cat "$lab/boot/namespaces")
for n in $namespaces; do
  [ "$n" = left ] || ip netns add "$n"
  # before there are links: some settings hold for those that are made afterwards
  in_namespace "$n" sysctl -q -p "$lab/boot/$n.sysctl"
done
for n in $namespaces; do in_namespace "$n" ip -batch "$lab/boot/$n.links"; done
for n in $namespaces; do
  in_namespace "$n" sh -c '
    [ ! -e "$1.routes" ] || ip -batch "$1.routes"
    [ ! -e "$1.rules4" ] || iptables-legacy-restore "$1.rules4"
    [ ! -e "$1.rules6" ] || ip6tables-legacy-restore "$1.rules6"' sh "$lab/boot/$n"
done
echo "namespaces made $(cut -d' ' -f1 /proc/uptime) s after boot"
exec /usr/bin/python3 -u -S -E /run/lab/agent.py
