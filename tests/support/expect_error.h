// The text of errors that a test expects.
#pragma once
#include <gtest/gtest.h>

#include <string>

#include "neap/base/error.h"

namespace neap {

// All of an error's text; "no error" where there is none.
template <class F>
std::string error_of(F&& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// Its problem alone; "" where there is none.
template <class F>
std::string problem_of(F&& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.problem();
  }
  return "";
}

template <class F>
void expect_error(F&& work, const std::string& problem, const std::string& place = "") {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_NE(error.problem().find(problem), std::string::npos) << error.what();
    EXPECT_NE(error.place().find(place), std::string::npos) << error.what();
    return;
  }
  ADD_FAILURE() << "no error, where \"" << problem << "\" was expected";
}

}  // namespace neap
