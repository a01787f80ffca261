# The library gramless, static or shared, made of one object file; and what is
# installed.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Functions, typeinfo and virtual tables in the namespace. Those of the engine
# have hidden visibility.
set(gramless_public_symbols _ZN8gramless* _ZNK8gramless* _ZT[ISV]N8gramless*)

if(GRAMLESS_OBJECT)
  set(gramless_object ${GRAMLESS_OBJECT})
else()
  include(cmake/SingleObject.cmake)
endif()
set_source_files_properties(${gramless_object} PROPERTIES
  EXTERNAL_OBJECT TRUE GENERATED TRUE)

add_library(gramless ${gramless_object})
add_library(gramless::gramless ALIAS gramless)
target_compile_features(gramless INTERFACE cxx_std_20)
target_include_directories(gramless INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set_target_properties(gramless PROPERTIES
  LINKER_LANGUAGE CXX
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

set(system_libraries pthread rt dl m)
get_target_property(kind gramless TYPE)
if(kind STREQUAL SHARED_LIBRARY)
  set(library_file ${CMAKE_SHARED_LIBRARY_PREFIX}gramless${CMAKE_SHARED_LIBRARY_SUFFIX})
  set(exports ${CMAKE_CURRENT_BINARY_DIR}/exports.map)
  list(JOIN gramless_public_symbols "; " names)
  file(CONFIGURE OUTPUT ${exports} CONTENT "{ global: @names@; local: *; };\n" @ONLY)
  target_link_options(gramless PRIVATE
    LINKER:--version-script=${exports} LINKER:--gc-sections)
  target_link_libraries(gramless PRIVATE ${system_libraries})
  set_target_properties(gramless PROPERTIES LINK_DEPENDS ${exports})
else()
  set(library_file ${CMAKE_STATIC_LIBRARY_PREFIX}gramless${CMAKE_STATIC_LIBRARY_SUFFIX})
  target_link_libraries(gramless INTERFACE ${system_libraries})
  list(TRANSFORM system_libraries PREPEND " -l" OUTPUT_VARIABLE system_flags)
  list(JOIN system_flags "" system_flags)
endif()

if(NOT GRAMLESS_INSTALL)
  return()
endif()

# Installed files find each other by relative paths: the prefix may be moved.
set(config_folder ${CMAKE_INSTALL_LIBDIR}/cmake/gramless)
set(pkgconfig_folder ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH prefix_of_config /${config_folder} /)
file(RELATIVE_PATH prefix_of_pkgconfig /${pkgconfig_folder} /)
string(REGEX REPLACE "/$" "" prefix_of_pkgconfig ${prefix_of_pkgconfig})
configure_file(cmake/gramlessConfig.cmake.in gramlessConfig.cmake @ONLY)
configure_file(cmake/gramless.pc.in gramless.pc @ONLY)
write_basic_package_version_file(gramlessConfigVersion.cmake COMPATIBILITY SameMinorVersion)

install(TARGETS gramless EXPORT gramlessTargets COMPONENT cpp)
install(DIRECTORY include/gramless DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT cpp)
install(EXPORT gramlessTargets NAMESPACE gramless:: DESTINATION ${config_folder} COMPONENT cpp)
install(FILES
  ${CMAKE_CURRENT_BINARY_DIR}/gramlessConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/gramlessConfigVersion.cmake
  DESTINATION ${config_folder} COMPONENT cpp)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/gramless.pc
  DESTINATION ${pkgconfig_folder} COMPONENT cpp)
