"""What of a host a trading instance wants otherwise: which core gets which process, and settings of kernel and firmware.

    /sys, /proc ──host──▶ cores, caches, nodes ──plan──▶ Plan ──settings──▶ findings: doctor, tune plan (script, boot line), tune verify

Reads only, and through a root that may be a copy of another host's /sys and /proc; nothing here changes a host. docs/tuning.md says what each setting buys.
"""
