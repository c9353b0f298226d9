# refuses(text argument...): complains unless ${program}, given these arguments, ends with code 1 and says one sentence on
# one line of the standard error, with this text in it, and nothing else.
function(refuses text)
  execute_process(COMMAND ${program} ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE said TIMEOUT 30)
  string(FIND "${said}" "${text}" found)
  string(REGEX MATCHALL "\n" lines "${said}")
  list(LENGTH lines count)
  if(NOT code STREQUAL "1" OR found EQUAL -1 OR NOT count EQUAL 1 OR NOT out STREQUAL "")
    message(SEND_ERROR "${ARGN}: ended with code ${code}, and said\n  ${said}${out}\nwhere '${text}' was expected")
  endif()
endfunction()
