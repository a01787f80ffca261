// SPDX-License-Identifier: MIT
// Tests launches on a driver that checks how it is called.
#include "gramless/backend/cuda/launch.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

#include "backend/cuda/fake_driver.h"

namespace gramless::cuda {
namespace {

using Names = std::vector<std::string>;

ModuleText text_of(const std::string& remark = "") {
  return {concat("// ", remark, "\n.visible .entry first()\n.entry second()"),
          {"first", "second"}};
}

/// A launcher with a module and some parameters.
class CudaLaunch : public testing::Test {
 protected:
  ~CudaLaunch() override { EXPECT_EQ(fake.faults, Names{}); }

  Launch make(int device, StreamHandle stream = nullptr) {
    return {.module = text,
            .kernel = "first",
            .parameters = parameters,
            .device = device,
            .stream = stream};
  }

  /// Returns the text of the error of a launch, or `none`.
  std::string error_of(const Launch& launch) {
    try {
      launcher->launch(launch);
    } catch (const DeviceError& error) {
      return error.what();
    }
    return "none";
  }

  [[nodiscard]] int64_t count(const std::string& name) const {
    return std::count(fake.calls.begin(), fake.calls.end(), name);
  }

  FakeDriver fake;
  ModuleText text = text_of();
  std::array<std::byte, 12> parameters = {std::byte{1}, std::byte{2}};
  std::optional<Launcher> launcher{std::in_place, fake.find()};
};

TEST_F(CudaLaunch, HandsEachArgumentOver) {
  const ContextHandle context = fake.make_context(1);
  const StreamHandle stream = fake.make_stream(context);
  launcher->launch(
      {text, "second", {7, 6, 5}, {32, 4, 2}, 3 * 1024, parameters, 1, stream});
  ASSERT_EQ(fake.launches.size(), 1U);
  const FakeLaunch& launch = fake.launches[0];
  EXPECT_EQ(launch.kernel, "second");
  EXPECT_EQ(launch.ptx, text.ptx());
  EXPECT_EQ(launch.context, context);
  EXPECT_EQ(launch.grid_and_block,
            (std::array<unsigned, 6>{7, 6, 5, 32, 4, 2}));
  EXPECT_EQ(launch.shared_bytes, 3U * 1024);
  EXPECT_EQ(launch.stream, stream);
  EXPECT_TRUE(std::equal(launch.parameters.begin(), launch.parameters.end(),
                         parameters.begin(), parameters.end()));
}

TEST_F(CudaLaunch, NeedsFewCallsOfTheDriverOnceTheModuleIsThere) {
  const ContextHandle context = fake.make_context(0);
  fake.set_current(context);
  launcher->launch(make(0));
  fake.calls.clear();
  launcher->launch(make(0));
  EXPECT_EQ(fake.calls, (Names{"cuDeviceGet", "cuCtxGetCurrent",
                               "cuCtxGetDevice", "cuCtxGetDevice", "cuCtxGetId",
                               "cuStreamIsCapturing", "cuLaunchKernel"}));
}

TEST_F(CudaLaunch, TakesTheContextThatIsCurrent) {
  const ContextHandle context = fake.make_context(0);
  fake.set_current(context);
  launcher->launch(make(0));
  EXPECT_EQ(fake.launches.at(0).context, context);
  EXPECT_EQ(fake.retained.size(), 0U);
  EXPECT_EQ(fake.contexts_of_thread(), std::vector{context});
}

TEST_F(CudaLaunch, TakesThePrimaryContextOtherwise) {
  launcher->launch(make(0));
  EXPECT_EQ(fake.contexts_of_thread().size(), 0U);
  const ContextHandle other = fake.make_context(1);
  fake.set_current(other);
  launcher->launch(make(0));
  EXPECT_EQ(fake.launches.at(0).context, fake.launches.at(1).context);
  EXPECT_NE(fake.launches.at(0).context, other);
  EXPECT_EQ(fake.retained, (std::map<DeviceHandle, int>{{0, 1}}));
  EXPECT_EQ(fake.contexts_of_thread(), std::vector{other});
}

TEST_F(CudaLaunch, TakesTheContextOfTheStream) {
  const ContextHandle current = fake.make_context(0);
  const ContextHandle of_stream = fake.make_context(0);
  fake.set_current(current);
  launcher->launch(make(0, fake.make_stream(of_stream)));
  EXPECT_EQ(fake.launches.at(0).context, of_stream);
  EXPECT_EQ(fake.contexts_of_thread(), std::vector{current});
  // Names of the default streams, which no context made.
  for (const std::uintptr_t special : {1, 2}) {
    launcher->launch(make(0, reinterpret_cast<StreamHandle>(special)));
    EXPECT_EQ(fake.launches.back().context, current);
  }
}

TEST_F(CudaLaunch, RefusesAStreamOfAnotherDevice) {
  const StreamHandle stream = fake.make_stream(fake.make_context(1));
  EXPECT_EQ(error_of(make(0, stream)),
            "expected a stream of cuda:0, where the arrays are, got one of "
            "cuda:1.");
  EXPECT_EQ(fake.contexts_of_thread().size(), 0U);
}

TEST_F(CudaLaunch, LoadsAModuleOncePerContext) {
  for (int k = 0; k < 3; ++k) {
    launcher->launch(make(0));
    launcher->launch(make(1));
  }
  EXPECT_EQ(count("cuModuleLoadDataEx"), 2);
  EXPECT_EQ(count("cuModuleGetFunction"), 4);
  EXPECT_EQ(launcher->modules(), 2U);
  const ModuleText same = text_of();
  launcher->launch(
      {.module = same, .kernel = "first", .parameters = parameters});
  EXPECT_EQ(count("cuModuleLoadDataEx"), 3);
}

TEST_F(CudaLaunch, UnloadsWhatWasUsedBeforeAllOthers) {
  launcher->launch(make(0));
  for (int k = 0; k < 256; ++k) {
    const ModuleText other = text_of(std::to_string(k));
    launcher->launch(
        {.module = other, .kernel = "first", .parameters = parameters});
  }
  EXPECT_EQ(fake.modules.size(), 256U);
  EXPECT_EQ(launcher->modules(), 256U);
  EXPECT_EQ(count("cuModuleUnload"), 1);
  for (const auto& [handle, module] : fake.modules) {
    EXPECT_NE(module.ptx, text.ptx());
  }
  launcher->launch(make(0));
  EXPECT_EQ(fake.launches.back().ptx, text.ptx());
  launcher.reset();
  EXPECT_EQ(fake.modules.size(), 0U);
  EXPECT_EQ(fake.retained, (std::map<DeviceHandle, int>{{0, 0}}));
}

TEST_F(CudaLaunch, ForgetsModulesWhoseContextHasGone) {
  const ContextHandle first = fake.make_context(0);
  fake.set_current(first);
  launcher->launch(make(0));
  fake.set_current(nullptr);
  fake.end_context(first);
  launcher.reset();
  EXPECT_EQ(count("cuModuleUnload"), 0);
  EXPECT_EQ(fake.contexts_of_thread().size(), 0U);
}

TEST_F(CudaLaunch, KnowsAContextAtTheAddressOfAnother) {
  const ContextHandle first = fake.make_context(0);
  fake.set_current(first);
  launcher->launch(make(0));
  fake.end_context(first);
  fake.reuse_address(first);
  ASSERT_EQ(fake.make_context(0), first);
  launcher->launch(make(0));
  EXPECT_EQ(count("cuModuleLoadDataEx"), 2);
  launcher.reset();  // The module of the first one is not there any more.
  EXPECT_EQ(count("cuModuleUnload"), 1);
  EXPECT_EQ(fake.modules.size(), 0U);
}

TEST_F(CudaLaunch, LoadsAModuleWhileAStreamIsCaptured) {
  const StreamHandle stream = fake.make_stream(fake.make_context(0));
  fake.capturing = {stream};
  launcher->launch(make(0, stream));
  EXPECT_EQ(fake.launches.size(), 1U);
  // The thread's mode is what it was: no code may be loaded.
  fake.set_current(fake.launches[0].context);
  const DriverFunctions functions(fake.find());
  ModuleHandle handle = nullptr;
  EXPECT_EQ(functions.load_module.address(&handle, "", 0, nullptr, nullptr),
            Status::stream_capture_unsupported);
}

TEST_F(CudaLaunch, KeepsWhatGraphsPointTo) {
  const StreamHandle stream = fake.make_stream(fake.make_context(0));
  launcher->launch(make(0, stream));
  fake.capturing = {stream};
  launcher->launch(make(0, stream));
  launcher->launch(make(0, stream));
  for (int k = 0; k < 300; ++k) {
    const ModuleText other = text_of(std::to_string(k));
    launcher->launch(
        {.module = other, .kernel = "first", .parameters = parameters});
  }
  EXPECT_TRUE(std::any_of(
      fake.modules.begin(), fake.modules.end(),
      [&](const auto& module) { return module.second.ptx == text.ptx(); }));
  EXPECT_EQ(fake.modules.size(), 257U);
  launcher.reset();
  EXPECT_EQ(fake.modules.size(), 0U);
}

TEST_F(CudaLaunch, TellsWhatTheCompilerSays) {
  fake.compiler_log = "ptxas fatal: Unexpected '('";
  EXPECT_EQ(error_of(make(0)),
            "expected cuModuleLoadDataEx to succeed, got "
            "CUDA_ERROR_OF_THE_FAKE (a wrong call). The driver's compiler "
            "says: ptxas fatal: Unexpected '('");
  fake.compiler_log = std::string(10000, 'x');
  EXPECT_LT(error_of(make(0)).size(), 5000U);
  fake.compiler_log.clear();
  fake.compiler_status = Status::unsupported_ptx;
  EXPECT_EQ(error_of(make(0)),
            "expected cuModuleLoadDataEx to succeed, got "
            "CUDA_ERROR_OF_THE_FAKE (a wrong call). The driver, for CUDA 12.4, "
            "is too old for this device's code. Install a newer one.");
  fake.compiler_status = Status::stream_capture_unsupported;
  EXPECT_EQ(error_of(make(0)),
            "expected cuModuleLoadDataEx to succeed, got "
            "CUDA_ERROR_OF_THE_FAKE (a wrong call). Run the product once "
            "before it is captured in a graph.");
}

TEST_F(CudaLaunch, NamesADeviceThatIsNotThere) {
  EXPECT_EQ(error_of(make(2)),
            "expected cuDeviceGet to succeed, got CUDA_ERROR_OF_THE_FAKE (a "
            "wrong call).");
}

TEST_F(CudaLaunch, RunsOnSeveralThreads) {
  constexpr int kThreads = 4;
  constexpr int kLaunches = 100;
  const std::array contexts = {fake.make_context(0), fake.make_context(1)};
  std::vector<std::thread> threads;
  for (int k = 0; k < kThreads; ++k) {
    threads.emplace_back([&, k] {
      const ContextHandle context =
          contexts.at(static_cast<std::size_t>(k % 2));
      const StreamHandle stream = [&] {
        const std::scoped_lock lock(fake.mutex);
        return fake.make_stream(context);
      }();
      for (int n = 0; n < kLaunches; ++n) launcher->launch(make(k % 2, stream));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(fake.launches.size(), std::size_t{kThreads} * kLaunches);
  EXPECT_EQ(count("cuModuleLoadDataEx"), 2);
}

TEST_F(CudaLaunch, RefusesChildrenOfFork) {
  launcher->launch(make(0));
  const pid_t child = fork();
  if (child == 0) {
    const std::size_t calls = fake.calls.size();
    const bool is_right =
        error_of(make(0)) ==
            "expected a process that was not forked after its parent used "
            "CUDA, got such a child. Use the start method 'spawn' or "
            "'forkserver' of multiprocessing." &&
        fake.calls.size() == calls;
    launcher.reset();  // Its modules are the parent's.
    _exit(is_right && fake.calls.size() == calls ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(error_of(make(0)), "none");
}

/// Launches on two devices, one launch with nothing current and one on a
/// stream, and releases all. Returns the text of the first error.
std::string launch_twice(FakeDriver& fake, const ModuleText& text) {
  const StreamHandle stream = fake.make_stream(fake.make_context(1));
  fake.retained[0] = 1;  // By another library, such as torch.
  std::string problem;
  try {
    Launcher launcher(fake.find());
    const auto launch = [&](int device, StreamHandle on) {
      try {
        launcher.launch({.module = text,
                         .kernel = "second",
                         .device = device,
                         .stream = on});
      } catch (const DeviceError& error) {
        if (problem.empty()) problem = error.what();
        fake.failing_call = SIZE_MAX;
        launcher.launch({.module = text,
                         .kernel = "second",
                         .device = device,
                         .stream = on});
      }
    };
    launch(0, nullptr);
    launch(1, stream);
    EXPECT_EQ(fake.launches.size(), 2U);
  } catch (const DeviceError& error) {
    problem = error.what();
  }
  return problem;
}

TEST(CudaErrors, OfEachCallInTurnAreToldAndLeakNothing) {
  const ModuleText text = text_of();
  Names names;
  {
    FakeDriver fake;
    EXPECT_EQ(launch_twice(fake, text), "");
    names = fake.calls;
  }
  // Calls that end something: there is nobody to tell of their errors, and what
  // they end is left, if anything.
  const std::map<std::string, std::string> ends = {
      {"cuCtxPopCurrent_v2", "a context of the thread"},
      {"cuModuleUnload", "a module"},
      {"cuDevicePrimaryCtxRelease_v2", "a primary context"},
      {"cuThreadExchangeStreamCaptureMode", "the mode of the thread"},
      {"cuCtxPushCurrent_v2", "a module"},
      {"cuCtxGetId", "a module"}};
  std::size_t told = 0;
  for (std::size_t k = 0; k < names.size(); ++k) {
    SCOPED_TRACE(concat("call ", k, ", ", names[k]));
    FakeDriver fake;
    fake.failing_call = k;
    const std::string problem = launch_twice(fake, text);
    EXPECT_EQ(fake.faults, Names{});
    const auto end = ends.find(names[k]);
    if (problem.empty()) {
      ASSERT_NE(end, ends.end());
    } else if (names[k] == "cuDriverGetVersion") {
      EXPECT_EQ(problem,
                "expected a driver for CUDA 12.0 or later, got one for CUDA "
                "0.0. Install a newer one.");
    } else {
      EXPECT_EQ(problem, concat("expected ", names[k],
                                " to succeed, got CUDA_ERROR_UNKNOWN (unknown "
                                "error)."));
    }
    told += problem.empty() ? 0 : 1;
    const std::string left = problem.empty() ? end->second : "";
    EXPECT_EQ(fake.contexts_of_thread().size(),
              left == "a context of the thread" ? 1U : 0U);
    EXPECT_EQ(fake.modules.size(), left == "a module" ? 1U : 0U);
    EXPECT_EQ(fake.retained[0], left == "a primary context" ? 2 : 1);
  }
  EXPECT_GT(told, 20U);
}

}  // namespace
}  // namespace gramless::cuda
