// The one place where instantiated.hpp's templates are compiled.
#define MESAOPT_TESTS_EXTERN
#include "support/instantiated.hpp"
