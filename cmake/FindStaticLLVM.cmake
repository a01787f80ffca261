# Finds the static LLVM libraries that come as the Python package
# mlc-llvm-static (pip install mlc-llvm-static), in this version only: LLVM has
# no stable interface. Another folder can be given as LLVM_ROOT. The generator
# of code for GPUs comes as a second package, of the same version.
if(NOT LLVM_ROOT)
  find_package(Python 3.10 REQUIRED COMPONENTS Interpreter)
  execute_process(
    COMMAND ${Python_EXECUTABLE} -m mlc_llvm_static.config --prefix
    OUTPUT_VARIABLE LLVM_ROOT OUTPUT_STRIP_TRAILING_WHITESPACE
    RESULT_VARIABLE llvm_status ERROR_QUIET)
  if(NOT llvm_status EQUAL 0)
    message(FATAL_ERROR "LLVM 23.1 is missing: ${Python_EXECUTABLE} -m pip install mlc-llvm-static==23.1.1.post0")
  endif()
endif()
list(PREPEND CMAKE_PREFIX_PATH ${LLVM_ROOT})
set(ZLIB_USE_STATIC_LIBS ON)
find_package(LLVM 23.1 CONFIG REQUIRED)
separate_arguments(LLVM_DEFINITIONS_LIST NATIVE_COMMAND "${LLVM_DEFINITIONS}")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(llvm_target AArch64)
else()
  set(llvm_target X86)
endif()
set(llvm_components OrcJIT ${llvm_target}CodeGen ${llvm_target}Desc ${llvm_target}Info)
if(GRAMLESS_CUDA)
  if(NOT TARGET LLVMNVPTXCodeGen)
    message(FATAL_ERROR "LLVM's part for NVIDIA GPUs is missing: "
      "python3 -m pip install mlc-llvm-static-extra-targets==23.1.1.post0. "
      "Or configure with -DGRAMLESS_CUDA=OFF, for CPUs alone.")
  endif()
  list(APPEND llvm_components NVPTXCodeGen NVPTXDesc NVPTXInfo)
endif()
llvm_map_components_to_libnames(gramless_llvm_libraries ${llvm_components})
