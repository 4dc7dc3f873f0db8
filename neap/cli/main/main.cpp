#include "neap/cli/command.h"

int main(int count, char** arguments) { return neap::run_command_line(count, arguments); }
