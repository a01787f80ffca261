// SPDX-License-Identifier: MIT
// The exceptions of the library: one class for each kind of failure.
#pragma once

#include <stdexcept>
#include <string>

#include "gramless/export.h"

namespace gramless {

/// Base of every exception that the library throws.
class GRAMLESS_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// An argument has a wrong value, shape, count or name (Python: ValueError).
class GRAMLESS_API ArgumentError : public Error {
 public:
  using Error::Error;
};

/// An argument has a wrong element type (Python: TypeError).
class GRAMLESS_API DTypeError : public ArgumentError {
 public:
  using ArgumentError::ArgumentError;
};

/// The request is meaningful, but not supported (Python: NotImplementedError).
class GRAMLESS_API UnsupportedError : public Error {
 public:
  using Error::Error;
};

/// Code could not be generated or compiled (Python: RuntimeError).
class GRAMLESS_API CompileError : public Error {
 public:
  using Error::Error;
};

/// A device is missing, or arrays are on the wrong one (Python: RuntimeError).
class GRAMLESS_API DeviceError : public Error {
 public:
  using Error::Error;
};

/// An invariant of the library is broken: always a bug in Gramless.
class GRAMLESS_API InternalError : public Error {
 public:
  explicit InternalError(const std::string& what)
      : Error(what + " This is a bug in Gramless.") {}
};

}  // namespace gramless
