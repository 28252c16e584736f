// What packets mean: fields of control words and bodies, and their parities.
#pragma once

#include <array>
#include <cstdint>

#include "fields.h"  // generated from golden.arch: FOR_EACH_FIELD, kinds, causes of refusals
#include "wire.h"

struct Field {
    int at, width;
};
#define FIELD(name, at, width) constexpr Field name{at, width};
FOR_EACH_FIELD(FIELD)
#undef FIELD

template <typename Words>
void put(Words& words, Field field, uint64_t value) {
    const uint64_t mask = field.width == 64 ? ~0ull : (1ull << field.width) - 1;
    const int word = field.at / 32, shift = field.at % 32;
    const unsigned __int128 wide = static_cast<unsigned __int128>(value & mask) << shift, hole = static_cast<unsigned __int128>(mask) << shift;
    for (int i = 0; 32 * i < shift + field.width; ++i)
        words[word + i] = (words[word + i] & ~uint32_t(hole >> 32 * i)) | uint32_t(wide >> 32 * i);
}
template <typename Words>
uint64_t get(const Words& words, Field field) {
    const int word = field.at / 32, shift = field.at % 32;
    unsigned __int128 wide = 0;
    for (int i = 0; 32 * i < shift + field.width; ++i) wide |= static_cast<unsigned __int128>(words[word + i]) << 32 * i;
    return uint64_t(wide >> shift) & (field.width == 64 ? ~0ull : (1ull << field.width) - 1);
}
inline int parity(uint64_t value) { return __builtin_parityll(value); }

// The two parity bits of a header.
inline uint64_t header_parity(uint32_t control, const Body& body) {
    const std::array<uint32_t, 1> word{control};
    const uint64_t out = get(word, CONTROL_out), said = get(body, HEADER_parity);
    const uint64_t low = get(body, {0, 64}), high = get(body, {64, HEADER_parity.at + HEADER_parity.width - 64});
    return (parity(control) ^ parity(out)) | uint64_t(parity(low) ^ parity(high) ^ parity(said)) << 1;
}
inline uint64_t word_of(const Body& body, int index) { return get(body, {BODY_payload.at + 64 * index, 64}); }
inline void set_word(Body& body, int index, uint64_t value) {
    put(body, {BODY_payload.at + 64 * index, 64}, value);
    put(body, {BODY_payload_parity.at + index, 1}, parity(value));
}
inline bool wrong_header(const Packet& packet) { return get(packet.body, HEADER_parity) != header_parity(packet.control, packet.body); }
inline bool wrong_payload(const Body& body) {
    for (int i = 0; i < BODY_payload_parity.width; ++i)
        if (get(body, {BODY_payload_parity.at + i, 1}) != uint64_t(parity(word_of(body, i)))) return true;
    return false;
}
