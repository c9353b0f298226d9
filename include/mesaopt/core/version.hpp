#pragma once

/// The version of the library, in one place; CMake reads it from here.
///
/// Semantic versioning: while MAJOR is 0, a new MINOR may change the interface. These are the library's only macros, so
/// that a program can choose between spellings before it compiles them.
#define MESAOPT_VERSION_MAJOR 0
#define MESAOPT_VERSION_MINOR 1
#define MESAOPT_VERSION_PATCH 0
