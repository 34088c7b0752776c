package paystatus.bench;

import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;

/** Times as epoch milliseconds. The forms that the providers send are read without a DateTimeFormatter, which is slow. */
final class Times {
    private Times() { }

    /** ISO 8601. A missing zone is read as UTC. */
    static long iso(String text) {
        int length = text.length();
        boolean millis = length == 24 && text.charAt(19) == '.';
        if ((millis || length == 20) && text.charAt(length - 1) == 'Z' && text.charAt(10) == 'T') {
            return epochMs(number(text, 0, 4), number(text, 5, 7), number(text, 8, 10), number(text, 11, 13),
                number(text, 14, 16), number(text, 17, 19)) + (millis ? number(text, 20, 23) : 0);
        }
        try {
            return OffsetDateTime.parse(text).toInstant().toEpochMilli();
        } catch (DateTimeParseException e) {
            return LocalDateTime.parse(text).toInstant(ZoneOffset.UTC).toEpochMilli();
        }
    }

    /** {@code MM/dd/yyyy hh:mm:ss AM|PM}, read as UTC. */
    static long twelveHours(String text) {
        if (text.length() != 22) throw new IllegalArgumentException("not MM/dd/yyyy hh:mm:ss AM|PM: " + text);
        int hour = number(text, 11, 13) % 12 + (text.charAt(20) == 'P' ? 12 : 0);
        return epochMs(number(text, 6, 10), number(text, 0, 2), number(text, 3, 5), hour, number(text, 14, 16), number(text, 17, 19));
    }

    private static int number(String text, int from, int to) {
        int value = 0;
        for (int i = from; i < to; i++) {
            int digit = text.charAt(i) - '0';
            if (digit < 0 || digit > 9) throw new IllegalArgumentException("not a time: " + text);
            value = value * 10 + digit;
        }
        return value;
    }

    /** The days are counted in years that begin in March, so that a leap day is the last of its year. */
    private static long epochMs(int year, int month, int day, int hour, int minute, int second) {
        long fromMarch = month <= 2 ? year - 1 : year;
        long era = Math.floorDiv(fromMarch, 400L);
        long yearOfEra = fromMarch - era * 400;
        long dayOfYear = (153L * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
        long dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
        long days = era * 146097 + dayOfEra - 719468;
        return ((days * 24 + hour) * 3600L + minute * 60L + second) * 1000;
    }
}
