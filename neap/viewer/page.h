// The files of neap/viewer/page, put into the library when it is built (folder.cmake).
#pragma once
#include <string_view>

namespace neap::page {

extern const std::string_view frame;   // page.html, with {{title}}, {{style}}, {{data}} and {{script}}
extern const std::string_view style;   // style.css
extern const std::string_view script;  // every .js, one after another

}  // namespace neap::page
