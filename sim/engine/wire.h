// A wire: one direction of a link. It knows a control word, a body and credits, and nothing of what they mean.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "ports.h"  // generated from the design: sim.engine.ports

using Body = std::array<uint32_t, BODY_WORDS>;

constexpr uint32_t VALID = (1u << CHANNELS) - 1;  // the channels of a control word lie lowest

struct Packet {
    uint32_t control;
    Body body;
};

// What both ends show in a cycle, for this cycle and the next. Every signal of a link is a flip-flop of the end that drives it, so in cycle
// t both ends read slot t and write slot t + 1: it does not matter which comes first, on which thread they run, or in which process.
// A body is written only in its own cycle, the one after its control word.
struct alignas(64) Wire {
    struct Shown {
        uint32_t control = 0, credit = 0;
        Body body{};
    };
    Shown& at(uint64_t cycle) { return shown[cycle & 1]; }

    // Whoever sends hands every body to this, where it is shown: those of chosen packets get a wrong bit.
    void carry(Body& body) {
        if (flips.empty()) return;
        ++carried;
        for (const Flip& flip : flips)
            if (flip.packet == carried) body[flip.bit / 32] ^= 1u << flip.bit % 32;
    }

    Shown shown[2];
    struct Flip {
        uint64_t packet;  // counted from the first that is carried after there are flips, which is 1
        uint32_t bit;     // of the body
    };
    std::vector<Flip> flips;
    uint64_t carried = 0;
};
