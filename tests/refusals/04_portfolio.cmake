# What 04_portfolio does not do, and what it says instead.
include(${CMAKE_CURRENT_LIST_DIR}/refuses.cmake)

refuses("/nowhere.csv: cannot open" /nowhere.csv)
foreach(window IN ITEMS 99999999999999999999 -1 0 1.5 x)
  refuses("WINDOW needs a number above 0, whole, but is '${window}'" ${data}/stocks.csv ${window})
endforeach()
refuses("PER_YEAR needs a number above 0, but is 'inf'" ${data}/stocks.csv 36 1 inf)
set(cut ${CMAKE_CURRENT_BINARY_DIR}/cut.csv)
file(WRITE ${cut} "date,A,B\n2020-01-31,1,2\n2020-02-29,1,\n2020-03-31,1,2\n")
refuses("${cut}:3: there is no price of B" ${cut})
file(WRITE ${cut} "date,A,B\n2020-01-31,1,2\n2020-02-29,2,2\n2020-03-31,1,2\n")
refuses("${cut}: has 2 returns, which are too few for a window of 36" ${cut})
