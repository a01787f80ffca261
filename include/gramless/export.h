// SPDX-License-Identifier: MIT
// Marks what the library shows to the programs that link to it.
#pragma once

/// Stands before each public class and function. All other symbols are hidden.
#define GRAMLESS_API __attribute__((visibility("default")))
