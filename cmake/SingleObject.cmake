# Links the engine and all that it takes from LLVM into one object file,
# gramless_object, which shows the symbols of the public interface alone. So
# whoever links the library needs no LLVM, and may hold another one.
#
# It needs the GNU binutils, or tools that take their options.

# Returns the archives of targets and of all that they depend on.
function(find_archives out_archives)
  set(pending ${ARGN})
  while(pending)
    list(POP_FRONT pending item)
    if(NOT TARGET ${item})
      continue()  # A library of the system, or a flag.
    endif()
    list(APPEND seen ${item})
    list(APPEND archives $<TARGET_FILE:${item}>)
    get_target_property(next ${item} INTERFACE_LINK_LIBRARIES)
    if(next)
      list(APPEND pending ${next})
      list(REMOVE_DUPLICATES pending)
      list(REMOVE_ITEM pending ${seen})
    endif()
  endwhile()
  set(${out_archives} ${archives} PARENT_SCOPE)
endfunction()

find_archives(archives ${gramless_llvm_libraries})
set(gramless_object ${CMAKE_CURRENT_BINARY_DIR}/gramless.o)
list(TRANSFORM gramless_public_symbols PREPEND --keep-global-symbol=
  OUTPUT_VARIABLE keep_public)

# `objcopy` makes no unique symbol local, the kind that all copies in a process
# share: such a symbol gets a name of ours.
add_custom_command(OUTPUT ${gramless_object}
  COMMAND ${CMAKE_CXX_COMPILER} -r -nostdlib -Wl,--force-group-allocation
    -o ${gramless_object}
    -Wl,--whole-archive $<TARGET_FILE:gramless_engine> -Wl,--no-whole-archive
    -Wl,--start-group ${archives} -Wl,--end-group
  COMMAND ${CMAKE_NM} ${gramless_object} |
    awk "$2 == \"u\" { print $3, \"gramless_\" $3 }" > ${gramless_object}.names
  COMMAND ${CMAKE_OBJCOPY} --redefine-syms=${gramless_object}.names
    --wildcard ${keep_public} --localize-hidden ${gramless_object}
  DEPENDS gramless_engine
  COMMENT "Linking the engine and LLVM into gramless.o"
  COMMAND_EXPAND_LISTS VERBATIM)
