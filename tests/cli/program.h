// Runs the program on files in a folder of its own.
#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "neap/base/file.h"
#include "neap/codegen/compiler.h"

namespace neap {

struct Ran {
  int code = -1;
  std::string text;  // both streams
  nlohmann::json json() const { return nlohmann::json::parse(text); }
};

class ProgramTest : public testing::Test {
 protected:
  ProgramTest() {
    ::setenv("NEAP_QUIET", "1", 1);
    ::setenv("NO_COLOR", "1", 1);
  }
  static Ran neap(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), NEAP_PROGRAM);
    Ran ran;
    ran.code = run_program(arguments, ran.text, 300);
    return ran;
  }
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string file(const std::string& name, const std::string& text) const {
    write_file(path(name), text);
    return path(name);
  }

  // y = softmax(x + 1) over rows of 3.
  std::string small_model() const {
    return file("small.neap",
                "graph small {\n"
                "  input x : f32[N,3]\n"
                "  const %0 : f32[] = {1.0}\n"
                "  %1 = add(x, %0) : f32[N,3]\n"
                "  %2 = softmax(%1) axis=-1 : f32[N,3]\n"
                "  output y = %2\n"
                "}\n");
  }

 private:
  TemporaryFolder folder_;
};

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace neap
