#pragma once

namespace mesaopt {

/// Where a line search stands.
enum class LineStatus { searching, accepted, failed };

}  // namespace mesaopt
