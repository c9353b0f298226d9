#include <mesaopt/core/evaluation.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>

#include "support/catch.hpp"

using namespace mesaopt;

TEST_CASE("a bare number is an evaluation that is fine", "[core]") {
  const Evaluation<double> e = 2.5;
  CHECK(e.value == 2.5);
  CHECK(e.verdict == Verdict::fine);
  CHECK(e.reason == Reason::none);
  CHECK(e.value_error == 0);
  CHECK(e.usable());
  CHECK(e.differentiable());
}

TEST_CASE("what is not finite or failed cannot be used, and what is not differentiable only as a value", "[core]") {
  CHECK_FALSE(Evaluation<double>().usable());
  CHECK_FALSE(Evaluation<double>(std::numeric_limits<double>::infinity()).usable());
  CHECK_FALSE(Evaluation<float>::failure(Reason::threw).usable());
  CHECK(std::isnan(Evaluation<float>::failure(Reason::threw).value));
  CHECK(Evaluation<float>::failure(Reason::threw).reason == Reason::threw);

  const Evaluation<double> inexact(1, Verdict::inexact, Reason::gauss_newton_adjoint);
  CHECK(inexact.differentiable());
  const Evaluation<double> flat(1, Verdict::not_differentiable, Reason::inner_indefinite);
  CHECK(flat.usable());
  CHECK_FALSE(flat.differentiable());
}

TEST_CASE("every reason has a sentence of its own", "[core]") {
  std::set<std::string> sentences;
  for (std::uint8_t i = 0; i < reasons; ++i) sentences.insert(sentence(Reason{i}));
  CHECK(sentences.size() == reasons);
  CHECK(sentences.count("Unknown reason.") == 0);
  CHECK(sentence(Reason{std::uint8_t(reasons)}) == std::string("Unknown reason."));
}
