# The messages of ONNX files, made by protoc from the schema that Debian's libonnx-dev installs. The generated code is lite: it registers
# nothing globally, so it does not clash with another copy of ONNX in the process.
find_package(Protobuf REQUIRED)
find_path(NEAP_ONNX_SCHEMA onnx/onnx.proto REQUIRED)
set(onnx_made ${PROJECT_BINARY_DIR}/onnx_schema)
file(MAKE_DIRECTORY ${onnx_made})
add_custom_command(
  OUTPUT ${onnx_made}/onnx.pb.cc ${onnx_made}/onnx.pb.h
  COMMAND protobuf::protoc --proto_path=${NEAP_ONNX_SCHEMA}/onnx --cpp_out=${onnx_made} onnx.proto
  DEPENDS ${NEAP_ONNX_SCHEMA}/onnx/onnx.proto
  VERBATIM)
add_library(neap_onnx_schema STATIC ${onnx_made}/onnx.pb.cc ${onnx_made}/onnx.pb.h)
target_include_directories(neap_onnx_schema SYSTEM PUBLIC ${onnx_made})
target_compile_options(neap_onnx_schema PRIVATE -w)
target_link_libraries(neap_onnx_schema PUBLIC protobuf::libprotobuf-lite)
target_link_libraries(neap_onnx PUBLIC neap_onnx_schema)
