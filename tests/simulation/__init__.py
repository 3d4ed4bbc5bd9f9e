"""The worker's own code on a simulated cluster: one thread, one seed, virtual time, and faults at every await.

loop      an event loop whose time jumps, and whose processes can be killed or frozen between two steps
log       a partition's log: transactions, markers, the last stable offset, compaction
broker    transaction coordinator, committed offsets, one clock for each leader
group     the group's coordinator: members, generations, sessions
wire      a request on its way there and back: delayed, refused, its answer lost, its sender killed
clients   producer, reader and question for the log's end, as aiokafka's behave
worker    one worker process: fetch loop, membership, the partitions of `sla_stream.worker`
plan      what a seed means: ticket events and faults, as plain data that can be made smaller
world     runs a plan to its end
verdict   what must hold afterwards
mistakes  errors of the past, put back to prove that the simulation finds them
"""
