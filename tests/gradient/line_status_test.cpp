#include <mesaopt/gradient/line_status.hpp>

#include <mesaopt/gradient/backtracking.hpp>
#include <mesaopt/gradient/hager_zhang.hpp>
#include <mesaopt/gradient/more_thuente.hpp>

#include "support/catch.hpp"

using namespace mesaopt;

namespace {
/// How the search of a parabola from value 0 and slope −1 goes, told a slope that is none where `broken`.
template <class StepSize>
LineStatus ends_as(const StepSize& step_size, bool broken) {
  typename StepSize::template Line<double> line(step_size, 0.0, -1.0, 1.0, 0.0, 0.0);
  auto status = LineStatus{};
  for (int i = 0; i < 200 && status == LineStatus::searching; ++i) {
    const double t = line.trial();
    status = broken ? line.tell_failure() : line.tell(t * (t - 1), 2 * t - 1);
  }
  return status;
}
}  // namespace

TEST_CASE("Every line search begins as searching, is accepted on a parabola, and fails where nothing is finite",
          "[line_status]") {
  CHECK(LineStatus{} == LineStatus::searching);
  CHECK(ends_as(Backtracking{}, false) == LineStatus::accepted);
  CHECK(ends_as(MoreThuente{}, false) == LineStatus::accepted);
  CHECK(ends_as(HagerZhang{}, false) == LineStatus::accepted);
  CHECK(ends_as(Backtracking{}, true) == LineStatus::failed);
  CHECK(ends_as(MoreThuente{}, true) == LineStatus::failed);
  CHECK(ends_as(HagerZhang{}, true) == LineStatus::failed);
}
