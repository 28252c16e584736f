// Whoever is at an edge port, and the one that is there unless told otherwise: a host, who sends and takes packets.
#pragma once

#include <cstdint>
#include <deque>

#include "state.h"
#include "wire.h"

// It acts in every cycle before the node that it faces: it sees what the node shows and answers in the same cycle. A neighbour that runs
// in another process is one that copies here what that process showed for this cycle.
class Edge {
  public:
    virtual ~Edge() = default;
    virtual void step(uint64_t cycle) = 0;
    virtual void state(File& file) = 0;

    Wire *to = nullptr, *from = nullptr;  // the node's receiving link and its sending one
};

class Host : public Edge {
  public:
    Host() { credits.fill(CREDITS); }

    void step(uint64_t cycle) override {
        Wire::Shown &mine = to->at(cycle), &theirs = from->at(cycle);
        // What comes: the body follows its control word by one cycle; the credit goes back at once.
        theirs.credit = arriving & VALID;
        if (arriving) arrived({arriving, theirs.body});
        else nothing_arrived();
        arriving = theirs.control & VALID ? theirs.control : 0;
        // What goes, while the node's buffers have room.
        for (int v = 0; v < CHANNELS; ++v) credits[v] += (mine.credit >> v) & 1;
        if (body_due) {
            mine.body = on_wire.body;
            to->carry(mine.body);
        }
        body_due = false;
        mine.control = 0;
        if (sending.empty()) return;
        const int channel = __builtin_ctz(sending.front().control);
        if (credits[channel] == 0) return;
        --credits[channel];
        on_wire = sending.front();
        sending.pop_front();
        mine.control = on_wire.control;
        body_due = true;
    }

    void state(File& file) override {
        file.packets(sending);
        file.packets(received);
        file.value(credits);
        file.value(on_wire);
        file.value(arriving);
        file.value(body_due);
    }

    std::deque<Packet> sending, received;

  protected:
    virtual void arrived(const Packet& packet) { received.push_back(packet); }
    virtual void nothing_arrived() {}

  private:
    std::array<int, CHANNELS> credits;
    Packet on_wire{};       // its control word was driven in the last cycle, its body is due
    uint32_t arriving = 0;  // control word seen in the last cycle
    bool body_due = false;
};
