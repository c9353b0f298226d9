# Eigen 3.4 or later, unless a parent project has brought it already; sets mesaopt_eigen_problem if there is one.
# The version is compared here, because the version file of Eigen 5 refuses a request for 3.4.
set(mesaopt_eigen_problem "")
if(NOT TARGET Eigen3::Eigen)
  find_package(Eigen3 QUIET NO_MODULE)
  if(NOT Eigen3_FOUND)
    set(mesaopt_eigen_problem "mesaopt needs Eigen 3.4 or 5 (Debian, Ubuntu: libeigen3-dev), which was not found; if it is \
in an unusual place, set CMAKE_PREFIX_PATH or Eigen3_DIR")
  elseif(Eigen3_VERSION VERSION_LESS 3.4)
    set(mesaopt_eigen_problem "mesaopt needs Eigen 3.4 or 5, but found ${Eigen3_VERSION} in ${Eigen3_DIR}")
  endif()
endif()
