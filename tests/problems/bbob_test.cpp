#include <mesaopt/problems/bbob.hpp>

#include <cmath>
#include <cstdint>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/objective/bounds.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;
using problems::Bbob;

static_assert(Objective<Bbob, VectorXd> && Objective<Bbob, Eigen::Vector<float, 5>>);
static_assert(!Bounded<Bbob, VectorXd> && Bounded<Within<Bbob, VectorXd>, VectorXd>);

namespace {

struct Known {
  int function, n, instance;
  double ramp, outside;
};
// Computed by the C code of COCO.
constexpr Known known[] = {
    {1, 2, 5, 44.226612, 17.1832064},
    {1, 5, 1, 143.99951128, 301.35029568},
    {1, 10, 2, 526.420023923, 806.73417536},
    {1, 20, 5, 194.5063488337, 720.28258816},
    {2, 2, 5, 65249318.46578, 3200640.518845},
    {2, 5, 1, 5671716.676941, 18956701.07584},
    {2, 10, 2, 8029630.524198, 71170787.0681},
    {2, 20, 5, 80027585.51514, 43985205.25408},
    {3, 2, 5, 293.504101373, 669.536308883},
    {3, 5, 1, -307.8474895474, 337.8538185362},
    {3, 10, 2, 7371.172071565, 3371.410253435},
    {3, 20, 5, 1962.919090221, 17698.41050953},
    {4, 2, 5, 296.9590544165, 899.8713356278},
    {4, 5, 1, 2251.131891506, 17247.57012428},
    {4, 10, 2, 7882.589387565, 52954.38117318},
    {4, 20, 5, 6332.84516378, 103696.1611836},
    {5, 2, 5, -18.71, 68.55},
    {5, 5, 1, 135.0258058516, 179.372624867},
    {5, 10, 2, 917.3012768562, 933.5921361162},
    {5, 20, 5, 358.9410845437, 394.1556676886},
    {6, 2, 5, 14664.74629141, 221176.6546284},
    {6, 5, 1, 399822.5851616, 1122515.13015},
    {6, 10, 2, 258376.6311627, 1500054.504548},
    {6, 20, 5, 491342.6106282, 2094349.538488},
    {7, 2, 5, 521.8541913895, 837.3334877127},
    {7, 5, 1, 320.6619085751, 4059.554174684},
    {7, 10, 2, 1769.162418379, 579.9585109614},
    {7, 20, 5, 2148.283117995, 12923.44975377},
    {8, 2, 5, 53648.279701, 35056.357981},
    {8, 5, 1, 12941.58545584, 618295.6818128},
    {8, 10, 2, 79275.79844115, 2751833.825109},
    {8, 20, 5, 511326.8622601, 3990884.152187},
    {9, 2, 5, 32059.51599186, 6690.222716574},
    {9, 5, 1, 92619.47576829, 100728.4780899},
    {9, 10, 2, 92122.60445736, 2168195.796651},
    {9, 20, 5, 221609.8639017, 9262880.730938},
    {10, 2, 5, 57824925.12648, 8932174.076299},
    {10, 5, 1, 2945055.5988, 64422695.95225},
    {10, 10, 2, 14211037.49461, 121005680.2706},
    {10, 20, 5, 16651711.83657, 28703991.59139},
    {11, 2, 5, 71450222.18811, 20981085.20334},
    {11, 5, 1, 1936001.93308, 30038856.2104},
    {11, 10, 2, 3029.101765709, 27214.72368695},
    {11, 20, 5, 12312993.18288, 18018018.56981},
    {12, 2, 5, 3868349.135233, 58663424.39003},
    {12, 5, 1, 166956115.6171, 206825270.3751},
    {12, 10, 2, 1042245919.68, 1008516337.607},
    {12, 20, 5, 679171951.3038, 305336667537.5},
    {13, 2, 5, 939.8634068017, 2815.41084742},
    {13, 5, 1, 1971.122116953, 3297.684335218},
    {13, 10, 2, 2359.070098393, 5650.174613709},
    {13, 20, 5, 3639.397768562, 6758.332606577},
    {14, 2, 5, 93.91344265392, -47.39951068575},
    {14, 5, 1, 21.82597825145, -5.924190335782},
    {14, 10, 2, -129.859938983, -55.51465979403},
    {14, 20, 5, 35.20914640617, 463.0261570914},
    {15, 2, 5, 912.3778640714, 409.7079094708},
    {15, 5, 1, 1274.840210571, 16196.85771629},
    {15, 10, 2, 1073.780453501, 3903.771083426},
    {15, 20, 5, 1056.628224417, 9669.974017936},
    {16, 2, 5, 30.09457553788, -16.40347765036},
    {16, 5, 1, 187.2006038973, 140.7079179882},
    {16, 10, 2, -281.0875826104, -280.103495485},
    {16, 20, 5, 34.17243839434, 55.61458324401},
    {17, 2, 5, -127.0389414233, -90.38053315852},
    {17, 5, 1, 240.7535637002, 40.94924106087},
    {17, 10, 2, 31.26308379727, 190.7536014177},
    {17, 20, 5, -121.9694560693, 529.7051952295},
    {18, 2, 5, -82.17816514834, 351.0450257393},
    {18, 5, 1, 678.8499214169, 125.4435130811},
    {18, 10, 2, 81.2474397167, 360.8528566299},
    {18, 20, 5, -46.38699899296, 921.6284778015},
    {19, 2, 5, -535.3050167828, 245.185389282},
    {19, 5, 1, -61.92157939257, 796.5700330272},
    {19, 10, 2, 98.63035634477, 968.0462633271},
    {19, 20, 5, -577.8127911972, 116.3261181647},
    {20, 2, 5, 154690.2209324, 74795.93327967},
    {20, 5, 1, 19364.59889157, 161137.5042757},
    {20, 10, 2, 190150.6288952, 705537.0846764},
    {20, 20, 5, 373000.3849273, 1526263.118554},
    {21, 2, 5, 529.3593688103, 565.6390454963},
    {21, 5, 1, 112.6249994267, 128.6568257301},
    {21, 10, 2, 60.41282087794, 94.81430639643},
    {21, 20, 5, 599.0943281438, 650.6653445425},
    {22, 2, 5, 60.56018635033, 62.38207436445},
    {22, 5, 1, -938.5594288803, -915.5420164745},
    {22, 10, 2, 1083.858375019, 1096.414818045},
    {22, 20, 5, 136.5984137759, 186.8352291481},
    {23, 2, 5, 15.00569304004, -38.01153569341},
    {23, 5, 1, 36.91314820388, 39.47773346804},
    {23, 10, 2, 21.28586073101, 34.16298947694},
    {23, 20, 5, -30.86864645032, 14.61089824385},
    {24, 2, 5, -129.0359145514, 6059.458285807},
    {24, 5, 1, 184.9076219977, 25950.25984312},
    {24, 10, 2, 320.7267608666, 99663.98333174},
    {24, 20, 5, 567.4862374102, 489856.9328288},
};

VectorXd ramp(Eigen::Index n) {
  return VectorXd::NullaryExpr(
      n, [n](Eigen::Index k) { return -4 + 8 * double(k) / double(n - 1) + 0.013 * double((7 * k) % 5); });
}
VectorXd outside(Eigen::Index n) {
  return VectorXd::NullaryExpr(n, [](Eigen::Index k) { return (k % 2 == 0 ? 1 : -1) * (5.5 + 0.1 * double(k)); });
}

}  // namespace

TEST_CASE("the functions of BBOB have the values that COCO computes, inside the box and outside", "[problems][bbob]") {
  for (const Known& row : known) {
    const Bbob f(row.function, row.n, row.instance);
    CAPTURE(row.function, row.n, row.instance);
    CHECK(std::abs(f(ramp(row.n)) - row.ramp) <= 1e-9 * std::abs(row.ramp));
    CHECK(std::abs(f(outside(row.n)) - row.outside) <= 1e-9 * std::abs(row.outside));
  }
}

TEST_CASE("the value at the optimum is the least there is, in every instance", "[problems][bbob]") {
  Random random{.seed = 5};
  for (int function = 1; function <= Bbob::count; ++function)
    for (const Eigen::Index n : {2, 3, 7})
      for (int instance = 1; instance <= 10; ++instance) {
        const Bbob f(function, n, instance);
        CAPTURE(function, n, instance);
        const VectorXd best = f.optimum();
        CHECK(std::abs(f(best) - f.optimum_value()) < 1e-11);
        CHECK(best.cwiseAbs().maxCoeff() <= 5);
        for (const double distance : {1e-3, 0.1, 2.0}) {
          VectorXd x = best;
          for (double& entry : x) entry += random.uniform(-distance, distance);
          CHECK(f(x) >= f.optimum_value());
          // Beyond the corner where its optimum is, the linear slope is flat.
          if (distance > 0.01 && function != 5) CHECK(f(x) > f.optimum_value());
        }
      }
}

TEST_CASE("instances of a function differ, and are the same whenever they are made", "[problems][bbob]") {
  for (int function = 1; function <= Bbob::count; ++function) {
    const Bbob first(function, 4, 1), again(function, 4, 1), other(function, 4, 2);
    CAPTURE(function, first.name());
    CHECK(first(ramp(4)) == again(ramp(4)));
    CHECK(first(ramp(4)) != other(ramp(4)));
    CHECK(first.optimum_value() != other.optimum_value());
  }
  // The optimum of instance 1 of the sphere, to the four digits that it has.
  const VectorXd x = Bbob(1, 2, 1).optimum();
  CHECK(x[0] == Approx(0.2528).margin(1e-12));
  CHECK(x[1] == Approx(-1.1568).margin(1e-12));
}

TEST_CASE("a call of a BBOB function allocates nothing, for points of every kind", "[problems][bbob]") {
  for (int function = 1; function <= Bbob::count; ++function) {
    const Bbob f(function, 5);
    CAPTURE(function);
    const VectorXd x = VectorXd::LinSpaced(5, -3, 3.5);
    const Eigen::Vector<double, 5> fixed = x;
    const Eigen::Vector<float, 5> single = x.cast<float>();
    const long before = allocations();
    const double value = f(x), of_fixed = f(fixed);
    const float of_single = f(single);
    CHECK(allocations() == before);
    CHECK(value == of_fixed);
    CHECK(double(of_single) == Approx(value).epsilon(1e-2));
  }
}

TEST_CASE("functions, dimensions, instances and points that BBOB does not have are refused", "[problems][bbob]") {
  CHECK_THROWS_WITH(Bbob(0, 2), Catch::Contains("function is 0"));
  CHECK_THROWS_AS(Bbob(25, 2), std::invalid_argument);
  CHECK_THROWS_WITH(Bbob(1, 1), Catch::Contains("dimension is 1"));
  CHECK_THROWS_WITH(Bbob(1, 2, 0), Catch::Contains("instance is 0"));
  CHECK_THROWS_AS(Bbob(1, 2, 200001), std::invalid_argument);
  const Bbob f(3, 4);
  CHECK_THROWS_WITH(f(VectorXd(3)), Catch::Contains("has size 3, but the function 4"));
  const auto box = f.bounds();
  CHECK(box.lower == VectorXd::Constant(4, -5));
  CHECK(box.upper == VectorXd::Constant(4, 5));
}
