// One thread that leads through a pass and others that help it with what can be shared out.
//
// Nobody waits for a helper that is doing nothing: on a busy machine, where helpers seldom run, the leader goes on alone.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <sched.h>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
inline void relax() { _mm_pause(); }
#else
inline void relax() {}
#endif

class Team {
public:
    // `size` counts the leader, whose seat is 0.
    explicit Team(int size) {
        for (int seat = 1; seat < size; seat++) helpers.emplace_back([this, seat] { help(seat); });
    }

    ~Team() {
        {
            std::lock_guard<std::mutex> held(lock);
            ended = true;
        }
        wake.notify_all();
        for (auto& helper : helpers) helper.join();
    }

    // Say that parts will be shared out, and that it is over.
    void begin(bool helped) {
        alone = !helped || helpers.empty();
        if (alone) return;
        {
            std::lock_guard<std::mutex> held(lock);
            busy = true;
        }
        wake.notify_all();
    }
    void end() { busy = false; }

    // Do the pieces 0 to count - 1 of a part, `piece(number, seat)` each; returns when all are done.
    template <typename Piece> void share(int count, const Piece& piece) {
        if (alone || count == 1) {
            for (int n = 0; n < count; n++) piece(n, 0);
            return;
        }
        what.store(&piece, std::memory_order_relaxed);
        how.store([](const void* piece, int n, int seat) { (*(const Piece*)piece)(n, seat); }, std::memory_order_relaxed);
        many.store(count, std::memory_order_relaxed);
        done.store(0, std::memory_order_relaxed);
        next.store(++part << 32, std::memory_order_release);
        take(0);
        for (int spins = 0; done.load(std::memory_order_acquire) < count; spins++) rest(spins);
        next.store(part << 32 | CLOSED, std::memory_order_release);
    }

private:
    // Do pieces of the present part until none is left; returns whether there was one. A piece is claimed by
    // counting `next` up from the very value, part and piece, under which the part was looked at: a late helper fails.
    bool take(int seat) {
        bool found = false;
        uint64_t at = next.load(std::memory_order_acquire);
        while (true) {
            const int n = (int)(at & CLOSED);
            const void* piece = what.load(std::memory_order_relaxed);
            const auto call = how.load(std::memory_order_relaxed);
            if (n >= many.load(std::memory_order_relaxed)) return found;
            if (!next.compare_exchange_weak(at, at + 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
            call(piece, n, seat);
            done.fetch_add(1, std::memory_order_release);
            found = true;
            at = next.load(std::memory_order_acquire);
        }
    }

    void help(int seat) {
        int idle = 0;
        while (true) {
            if (take(seat)) {
                idle = 0;
                continue;
            }
            relax();
            if (++idle < AWAKE && busy.load(std::memory_order_relaxed)) continue;
            std::unique_lock<std::mutex> held(lock);
            if (idle >= AWAKE) {
                // The leader is held up: let others have the core for a moment.
                held.unlock();
                sched_yield();
                held.lock();
            }
            wake.wait(held, [this] { return ended || busy; });
            if (ended) return;
            idle = 0;
        }
    }

    static void rest(int spins) {
        if (spins < SPINS) relax();
        else sched_yield();
    }

    static constexpr int SPINS = 200;    // looks before the core is offered to others
    static constexpr int AWAKE = 20000;  // a helper's looks for work within a pass, likewise
    static constexpr uint64_t CLOSED = 0x7fffffff;
    std::atomic<uint64_t> next{CLOSED};
    std::atomic<const void*> what{nullptr};
    std::atomic<void (*)(const void*, int, int)> how{nullptr};
    std::atomic<int> many{0}, done{0};
    uint64_t part = 0;
    bool alone = true;
    std::vector<std::thread> helpers;
    std::mutex lock;
    std::condition_variable wake;
    std::atomic<bool> busy{false};
    bool ended = false;
};
