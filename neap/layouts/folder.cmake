# Loops over masks, once an instruction set: the CPU is asked when the program runs.
neap_once_an_instruction_set(neap/layouts/mask_loops vbmi2)
