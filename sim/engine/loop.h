// The loop: all nodes, cycle by cycle, on as many threads as wanted.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "node.h"
#ifdef ENGINE_FST
#include <verilated_fst_c.h>
using Wave = VerilatedFstC;
#elif defined(ENGINE_VCD)
#include <verilated_vcd_c.h>
using Wave = VerilatedVcdC;
#endif
#if defined(ENGINE_FST) || defined(ENGINE_VCD)
#define ENGINE_WAVES
#endif

// Threads meet here once a cycle; the last to come does what is to be done between two cycles.
class Barrier {
  public:
    explicit Barrier(uint32_t count) : count(count) {}

    template <typename Between>
    void wait(Between between) {
        const uint32_t mine = round.load();
        if (here.fetch_add(1) + 1 == count) {
            between();
            here = 0;
            ++round;
        } else {
            for (int spins = 0; round.load() == mine; ++spins)
                if (spins > 2000) std::this_thread::yield();
        }
    }

  private:
    const uint32_t count;
    std::atomic<uint32_t> here{0}, round{0};
};

struct Loop {
    std::vector<std::unique_ptr<Node>> nodes;
    uint32_t threads = 1;
    uint64_t cycle = 0, quiet = 0;  // cycles since reset, and since anything moved anywhere
#ifdef ENGINE_WAVES
    std::unique_ptr<Wave> wave;
    uint64_t zero = 0;  // the cycle at time 0 of the waves
#endif

    // Runs until `cycles` have passed or `done()` says something other than 0, which is returned.
    template <typename Done>
    uint32_t run(uint64_t cycles, Done done) {
        const uint64_t end = cycle + cycles;
        uint32_t why = 0;
        bool left = cycles;
        std::atomic<bool> moved{false};
        const auto between = [&] {
            quiet = moved.exchange(false) ? 0 : quiet + 1;
            ++cycle;
            why = done();
            left = !why && cycle < end;
        };
#ifdef ENGINE_WAVES
        if (wave) {
            while (left) {
                moved = waved_cycle();
                between();
            }
            return why;
        }
#endif
        const uint32_t count = nodes.size(), sharing = std::min(threads, count);
        Barrier barrier{sharing};
        const auto work = [&](uint32_t thread) {
            const uint32_t first = uint64_t(count) * thread / sharing, last = uint64_t(count) * (thread + 1) / sharing;
            while (left) {
                bool moves = false;
                for (uint32_t i = first; i < last; ++i) {
                    moves |= nodes[i]->rise(cycle);
                    nodes[i]->fall(cycle);
                }
                if (moves) moved = true;
                if (sharing == 1) between();
                else barrier.wait(between);
            }
        };
        std::vector<std::thread> others;
        for (uint32_t thread = 1; thread < sharing; ++thread) others.emplace_back(work, thread);
        work(0);
        for (std::thread& other : others) other.join();
        return why;
    }

  private:
#ifdef ENGINE_WAVES
    static constexpr uint64_t PICOSECONDS = 500;  // of a cycle, as waves show it

    // All nodes at one level of the clock are in one picture.
    bool waved_cycle() {
        bool moves = false;
        for (auto& node : nodes) moves |= node->rise(cycle);
        wave->dump(PICOSECONDS * (cycle - zero));
        for (auto& node : nodes) node->fall(cycle);
        wave->dump(PICOSECONDS * (cycle - zero) + PICOSECONDS / 2);
        return moves;
    }
#endif
};
