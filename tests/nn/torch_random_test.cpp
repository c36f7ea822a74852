// Numbers from torch: tests/reference/make_nn_goldens.py.
#include "nn/torch_random.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace sil;

namespace {

void check_near(const Tensor& got, const std::vector<double>& want) {
  const std::vector<float> g = got.to_vector<float>();
  REQUIRE(g.size() == want.size());
  for (size_t i = 0; i < g.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(double(g[i]) - want[i]) < 2e-6);
  }
}

}  // namespace

TEST_CASE("torch_random: uniform numbers are torch's to the bit, of a seed's low 32 bits") {
  const std::vector<float> want{0.03492254018783569f, -0.301196813583374f, 0.15921169519424438f};
  CHECK(TorchRandom(7).uniform({3}, 0.5).to_vector<float>() == want);
  CHECK(TorchRandom((uint64_t{1} << 40) + 7).uniform({3}, 0.5).to_vector<float>() == want);
  CHECK(TorchRandom(8).uniform({3}, 0.5).to_vector<float>() != want);
}

TEST_CASE("torch_random: normal numbers are torch's, of few elements (in pairs), of whole blocks and of a last part") {
  TorchRandom few(7);
  few.skip(3);
  check_near(few.normal({5}, 2),
             {-0.06510394811630249, 2.022108793258667, 3.542987585067749, 0.8598162531852722, -2.423844337463379});
  check_near(few.normal({5}, 2),  // the first is the other one of a pair
             {1.5925625562667847, 1.8657015562057495, -1.8824758529663086, 1.1071621179580688, -1.299746036529541});
  check_near(few.uniform({2}, 0.5), {0.19484752416610718, 0.020930051803588867});

  TorchRandom whole(7);
  whole.skip(3);
  check_near(whole.normal({16}, 2), {-2.7768077850341797, -0.33399203419685364, 0.5702999234199524, -1.282183051109314,
                                     -1.7873108386993408, -0.35287585854530334, 3.500344753265381, 3.8600337505340576,
                                     -0.9203143119812012, 1.4170781373977661, 2.025510787963867, 0.46079373359680176,
                                     2.180330276489258, -1.874167799949646, 1.7298789024353027, -0.7383607625961304});
  TorchRandom more(7);
  more.skip(3);
  check_near(more.normal({21}, 2),
             {-2.7768077850341797, -0.33399203419685364, 0.5702999234199524,   -1.282183051109314, -1.7873108386993408,
              -1.6978172063827515, -2.433858871459961,   -0.16204316914081573, 2.7229702472686768, -2.606433391571045,
              0.17495675384998322, -2.7699227333068848,  1.0071277618408203,   -1.733403205871582, -1.1280133724212646,
              -4.112925052642822,  -0.7134450674057007,  2.1911609172821045,   0.9647083282470703, 2.7978367805480957,
              2.8117058277130127});
  more.skip(21 + 16);
  check_near(more.uniform({2}, 0.5), {0.03523063659667969, 0.16855746507644653});
}
