// The pages' modules as one classic script: from file:// a browser loads no modules.
#pragma once
#include <string>

namespace sil {

// Each module becomes a function that is called once, after those that it imports.  Understands what viz/pages/ is
// written in: imports and exports that begin a line, `import {a, b} from "./x.js";` and `export const | function |
// async function | class`.
std::string joined_script();

}  // namespace sil
