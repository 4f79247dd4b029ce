"""How fast the runtime is, measured against Channels on the same work.

`make bench` runs every workload in fresh processes, ours and theirs in turn, and prints
medians of ratios. Absolute times of a shared machine mean nothing.

- `goals`: what each workload is to reach.
- `workloads`, `served`: the work, on raw ASGI queues and through a server.
- `packaged`, `bare`: what does the work: a package's consumers, or a loop without a framework.
- `measure`: one workload in one process. `rounds`: many processes in turn. `report`: the table.
"""
