// Memory behind an edge port, as golden/dram.py serves it, with time: so many bytes a cycle, and cycles that an access takes.
#pragma once

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include "edge.h"
#include "packet.h"

// A request stands in the port's buffer, and holds its credit, until the memory has time for it; then its words take
// `bytes / bytes_per_cycle` cycles, and the answer leaves `latency` cycles later. Requests are begun in the order in which they came.
// Answers that a host at the same port waits for are the host's.
class Memory : public Host {
  public:
    Memory(uint64_t size, uint32_t bytes_per_cycle, uint32_t latency) : size(size), bandwidth(bytes_per_cycle), latency(latency) {}

    void step(uint64_t cycle) override {
        while (!answers.empty() && answers.front().due <= cycle) {
            sending.push_back(answers.front().packet);
            answers.pop_front();
        }
        uint32_t freed = 0;
        // A byte is served in the cycle that its number, counted in the memory's pace, falls into.
        if (!waiting.empty() && served <= cycle * bandwidth) {
            freed = waiting.front().control & VALID;
            begin(waiting.front(), cycle);
            waiting.pop_front();
        }
        Host::step(cycle);
        from->at(cycle).credit = freed | kept_back;
    }

    void state(File& file) override {
        Host::state(file);
        file.packets(waiting);
        uint64_t count = answers.size();
        file.value(count);
        answers.resize(count);
        for (Answer& answer : answers) file.value(answer);
        file.value(served);
        lines_of(file);
    }

    // The back door; nothing is checked.
    void write(uint64_t address, const uint8_t* bytes, uint64_t count) {
        for (uint64_t i = 0; i < count; ++i) reinterpret_cast<uint8_t*>(lines[(address + i) / LINE].data())[(address + i) % LINE] = bytes[i];
    }
    void read(uint64_t address, uint8_t* bytes, uint64_t count) const {
        for (uint64_t i = 0; i < count; ++i) {
            const auto line = lines.find((address + i) / LINE);
            bytes[i] = line == lines.end() ? 0 : reinterpret_cast<const uint8_t*>(line->second.data())[(address + i) % LINE];
        }
    }
    // How many lines were written, and their numbers if there is room for them.
    uint64_t written(uint64_t* numbers) const {
        if (numbers)
            for (const auto& line : lines) *numbers++ = line.first;
        return lines.size();
    }

  protected:
    // Requests wait here for their turn; a wrong header is dropped, and responses are the host's.
    void arrived(const Packet& packet) override {
        kept_back = packet.control & VALID;
        if (kept_back & RESPONSES) {
            Host::arrived(packet);
        } else if (!wrong_header(packet)) {
            waiting.push_back(packet);
            kept_back = 0;
        }
    }
    void nothing_arrived() override { kept_back = 0; }

  private:
    static constexpr uint64_t WORD = 8, WORDS = 8, LINE = WORD * WORDS;
    static constexpr uint32_t RESPONSES = VALID & ~((1u << CHANNELS / 2) - 1);
    using Line = std::array<uint64_t, WORDS>;
    struct Answer {
        uint64_t due;
        Packet packet;
    };

    void begin(const Packet& request, uint64_t cycle) {
        const Body& body = request.body;
        const uint64_t kind = get(body, HEADER_kind), address = get(body, HEADER_address), length = get(body, HEADER_length);
        const uint64_t first = address % LINE / WORD;
        const bool writes = kind == KIND_WRITE, reads = kind == KIND_READ;
        served = std::max(served, cycle * bandwidth);
        const uint64_t sequence = get(body, HEADER_sequence);
        const uint64_t cause = writes && wrong_payload(body) ? FAULT_ECC : refusal(writes, reads, address, length, sequence);
        if (!cause) served += WORD * length;
        const uint64_t due = std::max(cycle, (served + bandwidth - 1) / bandwidth) + latency;
        Body answer{};
        if (cause) {
            set_word(answer, 0, cause);
            set_word(answer, 1, address);
            reply(request, KIND_ERROR, answer, due);
        } else if (reads) {
            if (const auto line = lines.find(address / LINE); line != lines.end())
                for (uint64_t i = 0; i < WORDS; ++i) set_word(answer, i, line->second[i]);
            reply(request, KIND_READ_DATA, answer, due);
        } else {
            Line& line = lines[address / LINE];
            for (uint64_t i = first; i < first + length; ++i) line[i] = word_of(body, i);
            if (get(body, HEADER_flags) & FLAG_RESPONSE) reply(request, KIND_ACK, answer, due);
        }
    }

    // The cause with which a request is refused; 0 when it is served.
    uint64_t refusal(bool writes, bool reads, uint64_t address, uint64_t length, uint64_t sequence) const {
        if (!writes && !reads) return FAULT_ILLEGAL;
        if (address % WORD) return FAULT_MISALIGNED;
        const bool inside = length && address % LINE + WORD * length <= LINE && address < size;
        return inside && !(writes && sequence & SEQUENCE_NOTIFY) ? 0 : FAULT_RANGE;
    }

    // To the request's source, on the response channel of its route, by the port that the mesh takes such packets in by.
    void reply(const Packet& request, uint64_t kind, Body body, uint64_t due) {
        std::array<uint32_t, 1> asked{request.control}, word{};
        const uint64_t x = get(request.body, HEADER_source_x), y = get(request.body, HEADER_source_y);
        const bool yx = get(asked, CONTROL_valid) >> 1 & 1;
        const auto known = ways.find(y << 5 | x);
        if (known == ways.end()) return;  // it names a source that is not there
        const Way way = known->second[yx];
        put(word, CONTROL_valid, 1u << (CHANNELS / 2 + way.route));
        put(word, CONTROL_out, 1u << way.port);
        put(word, CONTROL_x, x);
        put(word, CONTROL_y, y);
        put(word, CONTROL_far_x, x);
        put(word, CONTROL_far_y, y);
        put(body, HEADER_kind, kind);
        put(body, HEADER_source_x, get(asked, CONTROL_x));
        put(body, HEADER_source_y, get(asked, CONTROL_y));
        put(body, HEADER_tag, get(request.body, HEADER_tag));
        put(body, HEADER_sequence, get(request.body, HEADER_sequence));
        put(body, HEADER_parity, header_parity(word[0], body));
        answers.push_back({due, {word[0], body}});
    }

    void lines_of(File& file) {
        uint64_t count = lines.size();
        file.value(count);
        std::vector<std::pair<uint64_t, Line>> all(lines.begin(), lines.end());
        all.resize(count);
        for (auto& entry : all) {
            file.value(entry.first);
            file.value(entry.second);
        }
        lines = {all.begin(), all.end()};
    }

  public:
    struct Way {
        uint8_t route, port;
    };
    std::unordered_map<uint32_t, std::array<Way, 2>> ways;  // by place (y << 5 | x) and the route of the request: how its answer sets out

  private:
    const uint64_t size;
    const uint32_t bandwidth, latency;
    std::unordered_map<uint64_t, Line> lines;  // those that were written, by number
    std::deque<Packet> waiting;
    std::deque<Answer> answers;
    uint64_t served = 0;      // bytes, counted from the first cycle at the memory's pace
    uint32_t kept_back = 0;   // the credit that goes back at once in this cycle
};
