// The fixed text of the files that a stand-alone network consists of. @NAME@ stands for the network's name, @PLACE@ for what is written in.
#pragma once

namespace neap::standalone {

extern const char* const header;    // NAME.h
extern const char* const source;    // NAME.cpp
extern const char* const kernels;   // kernels.h
extern const char* const program;   // main.cpp
extern const char* const makefile;  // CMakeLists.txt

}  // namespace neap::standalone
