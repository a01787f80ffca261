// SPDX-License-Identifier: MIT
// The public interface of Gramless, in one include.
#pragma once

#include "gramless/arrays.h"
#include "gramless/call.h"
#include "gramless/doctor.h"
#include "gramless/error.h"
#include "gramless/export.h"
#include "gramless/formula.h"
#include "gramless/kernel.h"
