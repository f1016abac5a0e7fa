"""Names by origin, the commoner first. The lists are this project's own; nobody real is meant."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Names:
    """The names of one origin. `middle` is the share of people with a middle name."""

    women: tuple[str, ...]
    men: tuple[str, ...]
    girls: tuple[str, ...]
    boys: tuple[str, ...]
    families: tuple[str, ...]
    middle: float
    changes_on_marriage: float
    elder_women: tuple[str, ...] = ()
    elder_men: tuple[str, ...] = ()

    def given(self, sex: str, year: int) -> tuple[str, ...]:
        """Given names of people of that sex born in that year, as fashion had it."""
        women, men = (self.girls, self.boys) if year > 2005 else (self.women, self.men)
        if year < 1962 and self.elder_women:
            women, men = self.elder_women, self.elder_men
        return women if sex == "F" else men


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.replace("_", " ") for word in text.split())


_BRITISH_FAMILIES = """
Smith Jones Taylor Brown Williams Wilson Johnson Davies Robinson Wright Thompson Evans Walker White Roberts Green
Hall Wood Jackson Clarke Clark Harris Lewis Cooper King Turner Baker Hill Moore Ward Morris Watson Carter Cole Reid
Hart Price Bennett Fletcher Mercer Whitlock Parker Cook Bailey Shaw Collins Bell Cox Miller Richardson Marshall
Foster Simpson Adams Mitchell Gray Mason Webb Palmer Holmes Rogers Barker Knight Stevens Ellis Fisher Barnes
Chapman Lloyd Butler Russell Dixon Harvey Pearson Graham Hunt Mills Day Saunders Hudson Gibson Rowe Osborne Page
Lowe Walsh Kemp Burton Gilbert Hawkins Pritchard Sutton Goodwin Dawson Nash Bird Whitehead Field Bishop Curtis
Francis Lane Tucker Hutchinson Parsons Rose Poole Newman Briggs Atkins Summers Cartwright Hayward Blake Tilley
Fairclough Gadsby Pettit Wainwright Oakley Thorne Marlow Ashdown Dunmore Birch Lister Pickering Sharp Stokes
Wheatley Farrow Cresswell Elmore Godfrey Haines Jarvis Kirby Langley Mead Norris Orchard Peacock Quinton Redfern
Abbott Ainsworth Aldridge Alford Appleby Archer Armitage Arnold Ashworth Atkinson Austin Bagshaw Baldwin Ball
Bannister Barlow Barrett Barron Baxter Beaumont Beck Benson Berry Best Billington Bond Booth Bowden Bowen Bowles
Bradshaw Brady Bray Brewer Bright Broad Bromley Brookes Bryant Buckley Bull Bullock Burgess Burns Burrows Bush
Carpenter Carr Carroll Chadwick Chambers Chandler Charlton Church Clayton Clements Coates Coleman Compton Conway
Cooke Coombes Copeland Cotton Craven Crawford Cross Crossley Cunningham Dale Daniels Davenport Dean Dickens Dobson
Drake Drew Duckworth Duncan Dunn Dyer Eastwood Eaton Elliott Emery Everett Farmer Faulkner Fenton Finch Fleming
Flynn Forster Fowler Frost Fuller Gale Gardner Garland Gates George Giles Glover Goddard Gough Greaves Greenwood
Griffin Hale Hammond Hancock Hanson Harding Hardy Harper Hartley Haynes Heath Hewitt Hicks Higgins Hilton Hobbs
Hodgson Holden Hollis Hood Hooper Horton Howarth Howe Hubbard Humphrey Hurst Ingram Jennings Jessop Kay Kendall
Kershaw Lacey Lamb Lambert Law Lawson Leach Lees Leonard Little Lord Lucas Lynch Mann Manning Marsden Mather Mellor
Metcalfe Middleton Millington Moss Naylor Neal Newton Nichols Nixon North Nuttall Oldham Oliver Owens Parkin
Parkinson Pearce Perkins Perry Pike Plant Platt Pollard Potter Pratt Preston Proctor Pugh Ramsden Randall Read
Reeves Rhodes Riley Rowley Royle Rushton Salter Savage Sewell Shepherd Short Skinner Slater Spencer Stafford Stanton
Steele Stephens Sykes Talbot Tate Thorpe Townsend Tyler Underwood Vaughan Vincent Wade Walton Warren Waters Weaver
Weston Wheeler Whittaker Wilkins Winter Woodhouse Woodward Yates Young
Smith-Jones Taylor-Webb Hart-Davies Fox-Barnes
"""

_BRITISH = Names(
    women=_words("""
    Sarah Claire Emma Laura Rebecca Gemma Rachel Kelly Victoria Katherine Elizabeth Jennifer Stacey Lisa Nicola
    Samantha Hannah Charlotte Amy Natalie Louise Lauren Danielle Jessica Michelle Kirsty Hayley Leanne Joanne Helen
    Jodie Zoe Kerry Lucy Stephanie Chloe Sophie Catherine Melissa Abigail Bethany Kimberley Jade Shannon Tanya Donna
    Tracey Paula Heather Holly Carly Vanessa Alison Lindsey Margaret Susan Christine Deborah Julie Megan Alexandra
    Maya Naomi Frances Imogen Josephine
    """),
    men=_words("""
    James David Christopher Daniel Michael Matthew Andrew Robert Richard Paul Mark Thomas Adam Steven Lee Craig Stephen
    Ryan Jonathan Benjamin Darren Gary Simon Joseph Liam Ashley Jamie Luke Scott Anthony Samuel Nicholas Alexander
    Dean Stuart William Ben Peter Martin Kevin Philip Jason Carl Wayne Karl Kieran Shane Nathan Aaron Jake Josh Connor
    Callum Kyle Bradley Graham Neil Ian Edward Charles Timothy Gareth Leon Russell Terence Colin Raymond
    """),
    girls=_words("""
    Olivia Amelia Isla Ava Lily Mia Freya Florence Willow Ivy Evie Poppy Grace Ella Sophie Elsie Isabella Sienna Daisy
    Ellie Phoebe Charlotte Emily Evelyn Maisie Harper Millie Luna Rosie Jessica Matilda Ruby Alice Chloe Scarlett Erin
    Lola Penelope Eva Maeve Thea Robyn Darcie Imogen Lacey Summer Amber Eliza Esme Aria Tia Bonnie Skye Lottie Holly
    Summer-Rose Gracie-Mae Lexi Paige Kayla
    """),
    boys=_words("""
    Oliver Noah George Leo Arthur Oscar Charlie Harry Jack Theo Freddie Archie Alfie Henry Jacob Thomas Joshua Max
    Logan Lucas Finley Teddy Ethan Isaac James William Tommy Mason Harrison Reuben Louie Josh Jaxon Elliot Toby Riley
    Albie Rory Hugo Ronnie Reggie Frankie Jude Tyler Bobby Jayden Kai Zach Stanley Dylan Ollie Sebastian Roman Caleb
    Jenson Ellis Blake Jake Callum Jamie-Lee Alfie-James Kian
    """),
    families=_words(_BRITISH_FAMILIES),
    middle=0.7,
    changes_on_marriage=0.6,
    elder_women=_words("""
    Margaret Jean Patricia Barbara Maureen Christine Sheila Janet Pauline Sandra Brenda Gillian Dorothy Joan Marion
    Beryl Hilary Rosemary Valerie Shirley Doreen Marjorie Susan Linda Carol Elizabeth Mary Ann Jacqueline Lesley
    """),
    elder_men=_words("""
    John Peter David Brian Michael Alan Kenneth Derek Roy Geoffrey Keith Barry Malcolm Roger Trevor Ronald Dennis Eric
    Gordon Norman Clive Leonard Stanley Raymond Terence Robert William George Frank Douglas
    """),
)

_IRISH = Names(
    women=_words(
        "Siobhán Aoife Niamh Sinéad Ciara Mary Bridget Orla Róisín Gráinne Kathleen Deirdre Eileen Nora Maeve"
    ),
    men=_words("Patrick Seán Michael John Declan Conor Kieran Brendan Séamus Eoin Niall Martin Cormac Pádraig Miley"),
    girls=_words("Aoife Saoirse Fiadh Caoimhe Éabha Bridget Mary-Kate Orla Clodagh Róisín Erin Margaret-Ann Nora"),
    boys=_words("Cillian Oisín Patrick Fionn Tadhg Rían Darragh Michael Jim-Boy Conor Seán Eoin Martin Johnny"),
    families=_words("""
    Murphy O'Brien Kelly O'Connor Walsh Byrne Ryan O'Neill O'Sullivan Doyle McCarthy Gallagher Doherty McDonagh Ward
    Connors Maughan Cash Doran Fitzgerald Kavanagh O'Reilly Nolan Brennan O'Shea MacNamara Quinn O'Dowd McLoughlin
    """),
    middle=0.5,
    changes_on_marriage=0.6,
)

_SOUTH_ASIAN_MUSLIM = Names(
    women=_words("""
    Fatima Aisha Nasreen Shabana Rukhsana Farzana Saima Nazia Sadia Khadija Amina Sumaiya Rahima Nusrat Tahira Samina
    Rubina Maryam Hafsa Zainab Shazia Yasmin Parveen Salma Sultana
    """),
    men=_words("""
    Mohammed Abdul Imran Tariq Kashif Asif Adnan Nadeem Shahid Usman Faisal Rizwan Bilal Zahid Hassan Yusuf Ibrahim
    Khalid Kamran Sajid Waqas Abdur Naveed Rafiq Shafiq Mizanur
    """),
    girls=_words(
        "Aisha Fatima Maryam Zara Hafsa Zainab Inaya Amina Khadija Safa Aleena Anaya Haniya Sumayyah Eshal Iqra"
    ),
    boys=_words("Muhammad Yusuf Ibrahim Musa Zayn Ayaan Haris Rayyan Hamza Ismail Adam Abdullah Umar Eesa Yahya Bilal"),
    families=_words("""
    Khan Ahmed Ali Hussain Begum Akhtar Bibi Malik Iqbal Mahmood Shah Rahman Mirza Chowdhury Uddin Miah Khatun Islam
    Butt Qureshi Sheikh Aslam Rashid Siddiqui Mahmud Kausar Choudhury Raja
    """),
    middle=0.4,
    changes_on_marriage=0.25,
)

_SOUTH_ASIAN_OTHER = Names(
    women=_words(
        "Priya Harpreet Manpreet Anjali Sunita Meena Nisha Kavita Gurpreet Rajinder Jaspreet Pooja Deepa Anita"
    ),
    men=_words(
        "Raj Amit Gurpreet Harjit Sanjay Vikram Rajesh Sukhdeep Jaswinder Manish Anil Kuldeep Ravi Dilip Suresh"
    ),
    girls=_words("Anaya Simran Diya Aarohi Jasleen Kiara Meera Ishani Avneet Riya Tara Saanvi Harleen Priya"),
    boys=_words("Arjun Aarav Vihaan Jovan Rohan Dev Ishaan Harveer Kiran Shaan Veer Aryan Gurveer Krish"),
    families=_words("""
    Patel Singh Kaur Sharma Shah Gill Sandhu Dhillon Mistry Chauhan Desai Bains Grewal Joshi Nair Reddy Pillai Fernando
    Perera Kumar Rana Thapa Gurung Sidhu Dhaliwal
    """),
    middle=0.45,
    changes_on_marriage=0.5,
)

_WEST_AFRICAN = Names(
    women=_words("""
    Blessing Ngozi Chioma Abimbola Folake Adaeze Funmilayo Grace Esther Akosua Abena Ama Yaa Titilayo Ifeoma Oluwaseun
    Patience Comfort Mercy Efua
    """),
    men=_words("""
    Emmanuel Oluwaseun Chukwuemeka Samuel Kwame Kofi Kwabena Tunde Babatunde Ikechukwu Obinna Adebayo Femi Segun Yaw
    Kwaku Chidi Olumide Emeka Nnamdi
    """),
    girls=_words("Zara Chidera Temiloluwa Adaora Ama Ayomide Esther Deborah Naomi Ife Abena Chimamanda Tiwa Nana"),
    boys=_words("David Daniel Chidubem Ayodeji Kofi Nathaniel Oluwatobi Joshua Ebuka Kwame Tobi Samuel Elijah Ekow"),
    families=_words("""
    Okafor Adeyemi Mensah Okonkwo Adebayo Boateng Eze Owusu Ogunleye Balogun Asante Osei Nwosu Chukwu Appiah Afolabi
    Adeleke Obi Amoah Agyeman Danso Oladipo Akinola Nwachukwu Ofori Bangura Kamara Sesay Conteh
    """),
    middle=0.65,
    changes_on_marriage=0.6,
)

_EASTERN_EUROPEAN = Names(
    women=_words("""
    Agnieszka Katarzyna Magdalena Małgorzata Olena Oksana Elena Ioana Andreea Mihaela Natalia Svitlana Joanna Ewelina
    Daniela Tetiana Iryna Beata Monika Ana-Maria Zuzana Jolanta
    """),
    men=_words("""
    Piotr Paweł Krzysztof Tomasz Andrzej Łukasz Marcin Ion Alexandru Andrei Mihai Vasile Oleksandr Dmytro Volodymyr
    Jakub Mateusz Rafał Ștefan Florin Vladimir Yuriy
    """),
    girls=_words("Zofia Julia Maja Hanna Lena Oliwia Sofia Maria Daria Anastasia Emilia Antonia Alicja Nadia Kalina"),
    boys=_words(
        "Jakub Kacper Filip Adam Szymon Mateusz David Luca Matei Maksym Artem Nikodem Oskar Oliwier Denys Kuba"
    ),
    families=_words("""
    Kowalski Nowak Wiśniewski Popescu Wójcik Kamiński Lewandowski Ionescu Shevchenko Kovalenko Zieliński Dumitru
    Bondarenko Szymański Woźniak Dąbrowski Kozłowski Radu Stoica Munteanu Petrov Ivanov Novák Horváth Jankauskas
    Kaczmarek Melnyk Tkachenko Ciobanu Łuczak
    """),
    middle=0.25,
    changes_on_marriage=0.7,
)

_MIDDLE_EASTERN = Names(
    women=_words("Samira Leila Rania Zeynep Shirin Nour Dalia Hala Maryam Fatma Ayşe Rojin Parisa Elif Lamia Samar"),
    men=_words("Karim Ahmad Hussein Omar Mustafa Mehmet Ali Reza Yousef Hassan Khaled Serhat Emre Farid Samir Dilshad"),
    girls=_words("Yara Layla Nour Zeynep Lina Jana Ella Asya Rima Sara Hiba Dilan Elif Mira"),
    boys=_words("Omar Adam Yusuf Ali Zain Emir Karim Hamza Aram Jad Deniz Kerem Mustafa Rayan"),
    families=_words("""
    Haddad Hamdan Al-Masri Yılmaz Kaya Hosseini Khalil Saleh Rahimi Demir Al-Jabouri Nasser Karimi Öztürk Aziz Barzani
    Darwish Mansour Şahin El-Sayed Hamid Qasim
    """),
    middle=0.2,
    changes_on_marriage=0.3,
)

_CARIBBEAN = Names(
    women=_words(
        "Natasha Shanice Michelle Marcia Simone Keisha Chantelle Yvonne Latoya Jacqueline Tanisha Sharon Monique"
    ),
    men=_words("Marcus Jerome Leroy Devon Winston Andre Tyrone Curtis Dwayne Jermaine Delroy Nathaniel Errol Omari"),
    girls=_words("Amara Nevaeh Aaliyah Tianna Kayla Zuri Imani Shanae Ariyah Destiny Kyra Savannah"),
    boys=_words("Malachi Kymani Jayden Zion Tyrell Micah Isaiah Kai Tremaine Ezra Kameron Josiah"),
    families=_words("""
    Campbell Brown Williams Clarke Grant Francis Gordon Morgan Henry Lewis Reid Thompson Bailey Edwards Daley Joseph
    Charles St_Louis Blackwood McKenzie Bennett Powell Dacosta Pinnock
    """),
    middle=0.6,
    changes_on_marriage=0.45,
)

_IBERIAN = Names(
    women=_words("María Ana Carla Inês Lucía Patrícia Beatriz Fernanda Conceição Rosa Luísa Marta"),
    men=_words("João José Rui Carlos Luís António Miguel Tiago Nuno Rafael Hélder Pedro"),
    girls=_words("Sofia Leonor Matilde Inês Lara Beatriz Luna Alba"),
    boys=_words("Tomás Santiago Duarte Rafael Gabriel Afonso Martim Mateo"),
    families=_words("Silva Santos Ferreira García Pereira Rodríguez Oliveira Costa Fernandes Gonçalves Muñoz Araújo"),
    middle=0.5,
    changes_on_marriage=0.3,
)

_EAST_ASIAN = Names(
    women=_words("Wing-Yan Mei Li-Na Ka-Yi Thi-Lan Maricel Jocelyn Yuk-Ling Grace Xiaoling"),
    men=_words("Chi-Ming Wei Kwok-Wai Jun Van-Minh Rodel Ka-Ho Jason Tsz-Kin Arnel"),
    girls=_words("Hei-Tung Emily Lok-Yi Chloe Angel Mei-Ling Princess Tsz-Ching"),
    boys=_words("Ho-Yin Lucas Chun-Hei Ethan Jayden Tsz-Long Nathan Minh"),
    families=_words("Wong Chan Cheung Lee Lam Chen Nguyen Tran Santos Reyes Ng Leung Wang Dela_Cruz"),
    middle=0.25,
    changes_on_marriage=0.2,
)

ORIGINS: dict[str, Names] = {
    "british": _BRITISH,
    "irish": _IRISH,
    "south-asian-muslim": _SOUTH_ASIAN_MUSLIM,
    "south-asian-other": _SOUTH_ASIAN_OTHER,
    "west-african": _WEST_AFRICAN,
    "eastern-european": _EASTERN_EUROPEAN,
    "middle-eastern": _MIDDLE_EASTERN,
    "caribbean": _CARIBBEAN,
    "iberian": _IBERIAN,
    "east-asian": _EAST_ASIAN,
}
SHARES: tuple[tuple[str, float], ...] = (
    ("british", 62),
    ("irish", 4),
    ("south-asian-muslim", 8),
    ("south-asian-other", 5),
    ("west-african", 6),
    ("eastern-european", 7),
    ("middle-eastern", 3),
    ("caribbean", 3),
    ("iberian", 1.2),
    ("east-asian", 0.8),
)
MIDDLES = {
    "F": _words("Louise Marie Anne Jane Rose Grace May Elizabeth Victoria Catherine Jean Ann Amelia Ruth Joy"),
    "M": _words("James John David Michael William Thomas Robert Lee Alexander Paul Edward George Joseph Peter Ray"),
}


def feminine(family: str) -> str:
    """The form that a woman carries of an Eastern European family name that has one."""
    for ending in ("ski", "cki"):
        if family.endswith(ending):
            return family[:-1] + "a"
    if family.endswith(("ov", "ev")):
        return family + "a"
    if family in ("Novák", "Horváth"):
        return family + "ová"
    return family
