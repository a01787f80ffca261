// SPDX-License-Identifier: MIT
// The public interface of Gramless, in one include.
#pragma once

#include "gramless/base/array_view.h"
#include "gramless/base/error.h"
#include "gramless/check_arguments.h"
#include "gramless/kernel_product.h"
