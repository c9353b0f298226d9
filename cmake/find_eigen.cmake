# Eigen 3.4 or 5, unless a parent project has brought it already.
# Asked for one after the other, because the version file of Eigen 5 refuses a request for 3.4.
if(NOT TARGET Eigen3::Eigen)
  find_package(Eigen3 3.4 QUIET NO_MODULE)
  if(NOT Eigen3_FOUND)
    find_package(Eigen3 5 QUIET NO_MODULE)
  endif()
endif()
