// Temporary: kernels that are not written yet.  Delete a line when you write its kernel.
#include <cstdlib>

#include "cpu/cpu.h"

namespace sil::cpu {


}  // namespace sil::cpu
