// A checkpoint: one list of what changes serves writing and reading.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "Vtop.h"
#include "wire.h"
#ifdef ENGINE_SAVE
#include <verilated_save.h>
#endif

class File {
  public:
    virtual ~File() = default;
    virtual void bytes(void* data, size_t size) = 0;
    virtual void model(Vtop& top) = 0;

    template <typename Value>
    void value(Value& value) {
        bytes(&value, sizeof value);
    }
    void packets(std::deque<Packet>& packets) {
        uint64_t count = packets.size();
        value(count);
        packets.resize(count);
        for (Packet& packet : packets) value(packet);
    }
};

#ifdef ENGINE_SAVE
class Saved : public File {
  public:
    explicit Saved(const char* path) { os.open(path); }
    bool open() const { return os.isOpen(); }
    void bytes(void* data, size_t size) override { os.write(data, size); }
    void model(Vtop& top) override { os << top; }

  private:
    VerilatedSave os;
};

class Restored : public File {
  public:
    explicit Restored(const char* path) { os.open(path); }
    bool open() const { return os.isOpen(); }
    void bytes(void* data, size_t size) override { os.read(data, size); }
    void model(Vtop& top) override { os >> top; }

  private:
    VerilatedRestore os;
};
#endif
