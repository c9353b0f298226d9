// What of Eigen nearly all tests use is compiled once, in instantiated.cpp, and not in each of their files: the kernels
// of products and the dense factorizations of matrices of any size. Written for Eigen 3.4; others go without.
#include <Eigen/Dense>

#include <ostream>

#ifndef MESAOPT_TESTS_EXTERN
#define MESAOPT_TESTS_EXTERN extern
#endif

#if EIGEN_WORLD_VERSION == 3 && EIGEN_MAJOR_VERSION == 4 && defined(__SSE2__) && !defined(__AVX__)

namespace Eigen {

#define MESAOPT_TESTS_MATRIX_VECTOR(S, MAJOR, OTHER)                              \
  MESAOPT_TESTS_EXTERN template struct internal::general_matrix_vector_product<   \
      long, S, internal::const_blas_data_mapper<S, long, MAJOR>, MAJOR, false, S, \
      internal::const_blas_data_mapper<S, long, OTHER>, false, 0>;
MESAOPT_TESTS_MATRIX_VECTOR(double, ColMajor, ColMajor)
MESAOPT_TESTS_MATRIX_VECTOR(double, ColMajor, RowMajor)
MESAOPT_TESTS_MATRIX_VECTOR(double, RowMajor, ColMajor)
MESAOPT_TESTS_MATRIX_VECTOR(float, ColMajor, ColMajor)
MESAOPT_TESTS_MATRIX_VECTOR(float, ColMajor, RowMajor)
MESAOPT_TESTS_MATRIX_VECTOR(float, RowMajor, ColMajor)
#undef MESAOPT_TESTS_MATRIX_VECTOR

MESAOPT_TESTS_EXTERN template struct internal::gebp_kernel<
    double, double, long, internal::blas_data_mapper<double, long, ColMajor, Unaligned, 1>, 4, 4, false, false>;
MESAOPT_TESTS_EXTERN template struct internal::gebp_kernel<
    float, float, long, internal::blas_data_mapper<float, long, ColMajor, Unaligned, 1>, 8, 4, false, false>;

MESAOPT_TESTS_EXTERN template struct internal::triangular_solve_matrix<double, long, OnTheRight, Upper, false, RowMajor,
                                                                       ColMajor, 1>;
MESAOPT_TESTS_EXTERN template struct internal::triangular_solve_matrix<double, long, OnTheLeft, Lower, false, ColMajor,
                                                                       ColMajor, 1>;
MESAOPT_TESTS_EXTERN template struct internal::triangular_solve_matrix<double, long, OnTheLeft, Upper, false, RowMajor,
                                                                       ColMajor, 1>;
MESAOPT_TESTS_EXTERN template LLT<MatrixXd>& LLT<MatrixXd>::compute<MatrixXd>(const EigenBase<MatrixXd>&);
MESAOPT_TESTS_EXTERN template LLT<Ref<MatrixXd>>& LLT<Ref<MatrixXd>>::compute<MatrixXd>(const EigenBase<MatrixXd>&);
MESAOPT_TESTS_EXTERN template LDLT<MatrixXd>& LDLT<MatrixXd>::compute<MatrixXd>(const EigenBase<MatrixXd>&);
MESAOPT_TESTS_EXTERN template class PartialPivLU<MatrixXd>;
MESAOPT_TESTS_EXTERN template class HouseholderQR<MatrixXd>;
MESAOPT_TESTS_EXTERN template HouseholderQR<MatrixXd>::HouseholderQR(const EigenBase<MatrixXd>&);
MESAOPT_TESTS_EXTERN template MatrixXd& PlainObjectBase<MatrixXd>::operator=(
    const EigenBase<HouseholderQR<MatrixXd>::HouseholderSequenceType>&);
MESAOPT_TESTS_EXTERN template class SelfAdjointEigenSolver<MatrixXd>;
MESAOPT_TESTS_EXTERN template SelfAdjointEigenSolver<MatrixXd>& SelfAdjointEigenSolver<MatrixXd>::compute<MatrixXd>(
    const EigenBase<MatrixXd>&, int);

MESAOPT_TESTS_EXTERN template std::ostream& operator<< <VectorXd>(std::ostream&, const DenseBase<VectorXd>&);
MESAOPT_TESTS_EXTERN template std::ostream& operator<< <MatrixXd>(std::ostream&, const DenseBase<MatrixXd>&);

}  // namespace Eigen

#endif
