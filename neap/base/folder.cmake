set_source_files_properties(${PROJECT_SOURCE_DIR}/neap/base/build_id.cpp PROPERTIES COMPILE_DEFINITIONS NEAP_VERSION="${PROJECT_VERSION}")
