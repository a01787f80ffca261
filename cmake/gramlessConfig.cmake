# Lets another project find the installed library: find_package(gramless CONFIG).
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include("${CMAKE_CURRENT_LIST_DIR}/FindStaticLLVM.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/gramlessTargets.cmake")
