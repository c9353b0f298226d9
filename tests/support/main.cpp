// Catch2 2.x wants its main compiled in; 3.x links one (Catch2::Catch2WithMain), and this file is then empty.
#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
