# What 03_two_networks does not do, and what it says instead.
include(${CMAKE_CURRENT_LIST_DIR}/refuses.cmake)

foreach(seed IN ITEMS 18446744073709551616 99999999999999999999999 -1 1.5 x1 1x " 1")
  refuses("--seed needs a whole number from 0 to 18446744073709551615, but is '${seed}'." --seed "${seed}")
endforeach()
refuses("--seed needs a value" --seed)
refuses("There is no option --sed" --sed 3)

# Digits that are not there, or cut off.
refuses("/nowhere/digits.csv: cannot open" --data /nowhere/digits.csv)
file(READ ${data}/digits.csv digits LIMIT 10000)
set(cut ${CMAKE_CURRENT_BINARY_DIR}/cut)
file(WRITE ${cut}/digits.csv "${digits}")
refuses("${cut}/digits.csv:" --data ${cut}/digits.csv)

# Fashion-MNIST that is not there, cut off, or something else: of 10 000 images of 28 x 28 pixels.
refuses("/nowhere/t10k-images-idx3-ubyte.gz: cannot open" --fashion --data /nowhere)
function(write_bytes name octal)  # CMake writes no zeros itself
  execute_process(COMMAND printf ${octal} OUTPUT_FILE ${cut}/${name})
endfunction()
write_bytes(t10k-images-idx3-ubyte "\\000\\000\\010\\003\\000\\000\\047\\020\\000\\000\\000\\034\\000\\000\\000\\034\\001\\002")
refuses("t10k-images-idx3-ubyte: the file should have 7840016 bytes, but has 18" --fashion --data ${cut})
write_bytes(t10k-images-idx3-ubyte "\\000\\000\\010\\003\\000\\000")
refuses("t10k-images-idx3-ubyte: the file ends within its first 16 bytes" --fashion --data ${cut})
write_bytes(t10k-images-idx3-ubyte "\\000\\000\\010\\003\\000\\000\\000\\001\\000\\000\\000\\001\\000\\000\\000\\002\\001\\002")
write_bytes(t10k-labels-idx1-ubyte "\\000\\000\\010\\001\\000\\000\\000\\001\\007")
refuses("The images of Fashion-MNIST have 784 pixels, but these have 2." --fashion --data ${cut})
file(WRITE ${cut}/t10k-images-idx3-ubyte.gz "no archive")
file(REMOVE ${cut}/t10k-images-idx3-ubyte)
refuses("t10k-images-idx3-ubyte.gz: gzip cannot unpack" --fashion --data ${cut})
