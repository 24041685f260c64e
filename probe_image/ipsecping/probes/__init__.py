"""The probe types, one file each; `registry` lists them."""
