"""Words that keyword search ignores: they occur in most texts of a language and say nothing of their subject."""

from functools import cache

_LISTS = {
    "da": "DANISH", "de": "GERMAN", "en": "EN", "es": "SPANISH", "fr": "FRENCH", "it": "ITALIAN", "nb": "NORWEGIAN",
    "nl": "DUTCH", "nn": "NORWEGIAN", "no": "NORWEGIAN", "pt": "PORTUGUESE", "ru": "RUSSIAN", "sv": "SWEDISH",
    "tr": "TURKISH",
}  # fmt: skip
"""The lists of bm25s."""

_OWN_LISTS = {
    "hi": (
        "का की के को में से पर ने तक और या भी तो ही कि जो जब तब यह वह ये वे इस उस इन उन है हैं था थी थे हो होता होती होते "
        "हुआ हुई हुए होने गया गई गए कर करने करना किया किए की एक लिए साथ द्वारा नहीं न अपने अपनी अपना इसके उसके उनके "
        "क्या कौन किस किसे किसने किसके किसकी कब कहाँ कहां कैसे क्यों कितना कितनी कितने कौनसा कौनसी"
    ),
}

_DICTIONARY_LISTS = {
    "th": (
        "ที่ ของ และ เป็น คือ ใน มี ได้ ให้ ว่า จะ ไม่ มา ไป กับ แก่ แต่ ก็ หรือ จาก โดย นี้ นั้น นั่น โน้น อยู่ แล้ว ซึ่ง อัน เมื่อ ถึง ต้อง "
        "ถูก เพื่อ ตาม กว่า ยัง แห่ง ด้วย ต่อ เคย กำลัง ทั้ง บาง หลาย อีก เพราะ ถ้า เช่น เกี่ยวกับ ระหว่าง สำหรับ การ ความ ผู้ อะไร "
        "ใคร ไหน ที่ไหน เมื่อไร เมื่อไหร่ เมื่อใด อย่างไร ยังไง เกิด ขึ้น เกิดขึ้น ทำไม กี่ เท่า ไร ไหร่ เท่าไร เท่าไหร่ เท่าใด แค่ "
        "แค่ไหน บ่อย ใด ไหม มั้ย บ้าง หรือไม่ ครับ ค่ะ คะ"
    ),
    "lo": (
        "ທີ່ ຂອງ ແລະ ເປັນ ແມ່ນ ຄື ໃນ ມີ ໄດ້ ໃຫ້ ວ່າ ຈະ ບໍ່ ມາ ໄປ ກັບ ແຕ່ ກໍ ກໍ່ ຫຼື ຈາກ ໂດຍ ນີ້ ນັ້ນ ຢູ່ ແລ້ວ ເຊິ່ງ ຊຶ່ງ ເມື່ອ ເຖິງ ຕ້ອງ ເພື່ອ "
        "ຕາມ ກວ່າ ຍັງ ແຫ່ງ ດ້ວຍ ຕໍ່ ເຄີຍ ກຳລັງ ທັງ ຫຼາຍ ອີກ ເພາະ ຖ້າ ການ ຄວາມ ຜູ້ ຫຍັງ ໃຜ ໃສ ຢູ່ໃສ ໃດ ແນວໃດ ເມື່ອໃດ ບ່ອນໃດ ຈັກ ເທົ່າໃດ ບໍ"
    ),
    "km": (
        "ដែល របស់ និង ជា គឺ ក្នុង មាន បាន ឱ្យ ឲ្យ ថា នឹង មិន មក ទៅ ជាមួយ ប៉ុន្តែ ក៏ ឬ ពី ដោយ នេះ នោះ នៅ ហើយ ដើម្បី តាម "
        "ត្រូវ លើ នៃ ទេ ទាំង ផង ដល់ ចំពោះ ការ អ្វី អ្នកណា នរណា ណា ឯណា នៅឯណា នៅណា យ៉ាងណា ម៉េច ហេតុអ្វី ប៉ុន្មាន តើ"
    ),
    "my": (
        "သည် ၏ နှင့် မှ တွင် ၌ ကို က မှာ များ ရှိ ရှိသည် ဖြစ် ဖြစ်သည် ပါ တယ် ပါသည် ပါတယ် ခဲ့ ခဲ့သည် မည် လည်း သို့ သော ဟု နည်း လဲ "
        "သလဲ လား ဘာ ဘယ် ဘယ်သူ ဘယ်မှာ ဘယ်အချိန် ဘယ်လို ဘယ်လောက် ဘယ်နှစ် မည်သူ မည်သည် မည်သည့် မည်မျှ အဘယ် ဒီ ထို ဤ "
        "သူ အတွက် နဲ့ ပြီး ရှိသလဲ ဖြစ်သလဲ"
    ),
}
"""Of scripts without spaces, whose words take a dictionary to find."""

_ONE_LETTER = {
    "bg": "авеикосуя", "ca": "aeiou", "cs": "aikosuvz", "da": "åi", "el": "ηοόήωώ", "en": "ai", "eo": "o",
    "es": "aeouy", "fr": "aàyô", "hr": "aiouks", "hu": "aaső", "it": "aeioè", "la": "aeo", "nb": "åi", "nn": "åi",
    "no": "åi", "pl": "aiouwz", "pt": "aeoàéó", "ro": "aeoi", "ru": "абвжикосуя", "sk": "aikosuvz", "sl": "aikosvz",
    "sr": "aiouksаиоукс", "sv": "åiö", "uk": "абвжзійоуєя",
}  # fmt: skip
"""Words of a single letter that carry no content; other single letters are names."""


@cache
def stop_words(language_code: str) -> frozenset[str]:
    """Return the words of a language that keyword search ignores; none if it has no list."""
    from memorag_graph.retrieval.bm25 import stopwords

    name = _LISTS.get(language_code)
    listed = getattr(stopwords, f"STOPWORDS_{name}") if name else _OWN_LISTS.get(language_code, "").split()
    return frozenset(word for word in listed if len(word) > 1).union(_ONE_LETTER.get(language_code, ()))


@cache
def function_words(language_code: str) -> frozenset[str]:
    """Return the words of a language that carry no content; for English, more than keyword search ignores."""
    from memorag_graph.retrieval.bm25 import stopwords

    more = stopwords.STOPWORDS_EN_PLUS if language_code == "en" else ()
    return stop_words(language_code).union(more)


@cache
def dictionary_function_words() -> frozenset[str]:
    """Return the words without content of the scripts whose words a dictionary finds, which keyword search keeps."""
    return frozenset(word for words in _DICTIONARY_LISTS.values() for word in words.split())
