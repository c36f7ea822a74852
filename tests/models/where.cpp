#include "tests/models/small.h"

namespace sil::test {

Device where() { return Device::cpu(); }

}  // namespace sil::test
