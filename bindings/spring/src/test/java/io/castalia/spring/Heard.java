package io.castalia.spring;

import io.castalia.ChangeEvent;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.context.event.EventListener;

/** Counts the changes that were applied to all beans. */
class Heard {
    private final AtomicInteger count = new AtomicInteger();

    @EventListener
    void changed(ChangeEvent event) {
        count.incrementAndGet();
    }

    /** Sets a value, and waits until all beans have it. */
    static void set(Application application, String key, String value) {
        after(application, () -> application.set(key, value));
    }

    /** Changes values, and waits until all beans have them. */
    static void after(Application application, Runnable change) {
        AtomicInteger count = application.bean(Heard.class).count;
        int before = count.get();
        change.run();
        Application.eventually(() -> count.get() > before);
    }
}
