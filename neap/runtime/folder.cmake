# The loops of the blocked interpreter, once an instruction set: the CPU is asked when the program runs.
neap_once_an_instruction_set(neap/runtime/block_loops)
