package paystatus.streams;

/**
 * @param orders what is paid for, by payment key: an order number as text
 * @param table result: every payment with its order
 * @param steps result: every step of a payment that has an order, once
 */
record Topics(String current, String changes, String orders, String table, String steps) {}
