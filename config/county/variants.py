"""Other names that one person goes by: short forms, and spellings of one name in another alphabet."""

from __future__ import annotations

import unicodedata

_SHORT = """
Elizabeth: Liz, Lizzie, Beth, Libby
Katherine: Kate, Katie, Kathy
Catherine: Cath, Cathy, Kate
Christopher: Chris
Michael: Mike, Mick
Matthew: Matt
Andrew: Andy
Robert: Rob, Bob, Bobby
Richard: Rich, Rick
Thomas: Tom, Tommy
Daniel: Dan, Danny
David: Dave
James: Jim, Jamie
Steven: Steve
Stephen: Steve
Jonathan: Jon
Benjamin: Ben
Joseph: Joe, Joey
Joshua: Josh
Anthony: Tony
Samuel: Sam
Nicholas: Nick
Alexander: Alex, Xander
William: Will, Bill, Billy
Philip: Phil
Kevin: Kev
Edward: Ed, Eddie
Charles: Charlie
Timothy: Tim
Gareth: Gaz
Darren: Daz
Gary: Gaz
Terence: Terry
Raymond: Ray
Rebecca: Becky, Bex
Rachel: Rach
Victoria: Vicky, Tori
Jennifer: Jen, Jenny
Samantha: Sam
Nicola: Nicky, Nikki
Charlotte: Charlie, Lottie
Natalie: Nat
Danielle: Dani
Jessica: Jess
Michelle: Shell
Joanne: Jo
Josephine: Jo, Josie
Stephanie: Steph
Abigail: Abi, Abbie
Bethany: Beth
Kimberley: Kim
Margaret: Maggie, Peggy
Susan: Sue
Christine: Chris
Deborah: Debbie, Debs
Alexandra: Alex, Lexi
Frances: Fran
Patrick: Paddy, Pat
Kathleen: Kath
Bridget: Biddy
Mohammed: Mo
Muhammad: Mo
Abdul: Abs
Emmanuel: Manny
Chukwuemeka: Emeka
Babatunde: Tunde
Oluwaseun: Seun
Abimbola: Bimbola
Funmilayo: Funmi
Oluwatobi: Tobi
Temiloluwa: Temi
Agnieszka: Aga
Katarzyna: Kasia
Magdalena: Magda
Małgorzata: Gosia
Krzysztof: Krzys
Tomasz: Tomek
Oleksandr: Sasha
Volodymyr: Vova
Jakub: Kuba
Harpreet: Harp
Gurpreet: Gurp
Harrison: Harry
Isabella: Bella
Amelia: Millie
Olivia: Liv, Livvy
Matilda: Tilly
Jacob: Jake
Oliver: Ollie
Archie: Arch
Evelyn: Evie
Jacqueline: Jackie
Nathaniel: Nate
Jermaine: Jay
Maria: Mia
"""

_SPELLINGS = """
Mohammed Muhammad Mohamed Mohammad
Yusuf Yousef Yusef Youssef
Ibrahim Ebrahim
Hussain Hussein Husain
Ahmed Ahmad
Hassan Hasan
Aisha Ayesha Aysha
Fatima Fatema Fatimah
Khadija Khadijah
Zainab Zaynab
Maryam Mariam
Choudhury Chowdhury Chaudhry
Rahman Rehman
Sheikh Shaikh
Siddiqui Siddique
Olena Elena
Oleksandr Alexander
Dmytro Dmitry
Volodymyr Vladimir
Shevchenko Sheuchenko
Svitlana Svetlana
Iryna Irina
Tetiana Tatiana
Yuriy Yuri
Maksym Maxim
Leila Layla Laila
Karim Kareem
Omar Umar
Samira Sameera
Haddad Hadad
Al-Masri Almasri
Yılmaz Yilmaz
Siobhán Shevaun
Seán Shaun Shawn
Niamh Neve
Aoife Eefa
Conor Connor
Kieran Ciaran
Catherine Katherine Kathryn
Sarah Sara
Claire Clare
Rachel Rachael
Stephen Steven
Philip Phillip
Graham Graeme
Jeffrey Geoffrey
Nicola Nichola
Lindsey Lindsay
Hayley Haley
Sophie Sofie
Isla Ayla
Eva Ava
Clark Clarke
Davies Davis
Thompson Thomson
Reid Reed
Philips Phillips
Stevens Stephens
Price Pryce
Okonkwo Okonkwor
Adeyemi Adeyimi
"""

# Letters that Unicode does not take apart into a base letter and a mark.
_WHOLE = str.maketrans("łŁđĐøØıßæ", "lLdDoOisa")


def _short_forms() -> dict[str, tuple[str, ...]]:
    lines = (line.split(":") for line in _SHORT.strip().splitlines())
    return {name: tuple(form.strip() for form in forms.split(",")) for name, forms in lines}


def _spellings() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in _SPELLINGS.strip().splitlines():
        group = line.split()
        for name in group:
            found[name] = tuple(other for other in group if other != name)
    return found


SHORT_FORMS = _short_forms()
SPELLINGS = _spellings()


def plain(text: str) -> str:
    """Without diacritics, as many systems store a name."""
    taken_apart = unicodedata.normalize("NFKD", text.translate(_WHOLE))
    return "".join(letter for letter in taken_apart if not unicodedata.combining(letter))


def writable(text: str, encoding: str) -> str:
    """As a system of that encoding can store it: a letter it lacks loses its mark."""
    return "".join(letter if _fits(letter, encoding) else plain(letter) for letter in text)


def _fits(letter: str, encoding: str) -> bool:
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
